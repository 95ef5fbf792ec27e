"""Run the course's command line, ``python -m recsys_teach``.

If a package is missing, print which one. The command ``doctor`` needs only the standard library, so it still runs.
"""

import sys


def main() -> None:
    """Run the command line."""
    try:
        from recsys_teach.course import cli
    except ImportError as error:
        if sys.argv[1:2] == ["doctor"]:
            from recsys_teach.course import doctor

            sys.exit(doctor.main())
        sys.exit(f"The course is not completely installed: {error}. To find the fix, type: python course.py doctor")
    cli.main()


if __name__ == "__main__":
    main()
