"""`python -m babelmesh`, the same as `babelmesh`."""

from babelmesh.cli import main

if __name__ == "__main__":
    main()
