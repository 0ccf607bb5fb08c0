"""The packages of the wheel, which holds claims/ and fixtures/ inside `harness`. pyproject.toml says all the rest."""

from setuptools import find_packages, setup

setup(
    packages=[*find_packages(include=["harness*", "reports*"]), "harness.suite.claims", "harness.suite.fixtures"],
    package_dir={"harness.suite.claims": "claims", "harness.suite.fixtures": "fixtures"},
)
