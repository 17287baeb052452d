"""What do articles say of DeepSeek-R1, and what of it holds in a world that one can check?"""
