"`python -m depthsense` is the command `depthsense`"
from depthsense.cli import main

if __name__ == "__main__": main()
