"""Run the course's command line, or say in one line what is missing for it; the doctor runs in any case."""

import sys


def main() -> None:
    """Run the command line."""
    try:
        from recsys_teach.course import cli
    except ImportError as error:
        if sys.argv[1:2] == ["doctor"]:
            from recsys_teach.course import doctor

            sys.exit(doctor.main())
        sys.exit(f"The course is not completely installed: {error}. Type: python course.py doctor")
    cli.main()


if __name__ == "__main__":
    main()
