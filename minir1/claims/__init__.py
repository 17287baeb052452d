"""What do articles say of DeepSeek-R1, and what of it holds in a world small enough to check?"""
