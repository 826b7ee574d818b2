"""`python -m local.simulator --port 8700 --data DIR`"""

import sys


def main() -> int:
    try:
        from local.simulator import program
    except ModuleNotFoundError as missing:
        sys.exit(
            f"error: there is no {missing.name} in {sys.prefix}: run `make setup`, then `source .venv/bin/activate`"
        )
    return program.main()


if __name__ == "__main__":
    sys.exit(main())
