"""`python -m judge_service`."""

from judge_service.cli.app import main

main()
