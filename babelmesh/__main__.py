"""Runs the command line: `python -m babelmesh` does the same as `babelmesh`."""

from babelmesh.cli.main import main

if __name__ == "__main__":
    main()
