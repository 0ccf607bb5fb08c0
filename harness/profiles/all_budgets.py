"""The tasks that the profiles have, by name, in the order in which they are shown."""

from harness.profiles import acrobot_budgets, cart_pole_budgets, gridmaze_budgets
from harness.profiles.budgets import Budgets

TASKS: dict[str, Budgets] = {
    budgets.task.name: budgets
    for budgets in (cart_pole_budgets.BUDGETS, acrobot_budgets.BUDGETS, gridmaze_budgets.BUDGETS)
}
