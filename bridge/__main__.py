"""``python -m bridge`` is ``cad-bridge``."""

from bridge.cli import main

if __name__ == "__main__":
    main()
