from minir1.cli import main

main()
