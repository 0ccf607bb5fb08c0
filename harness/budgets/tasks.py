"""The tasks that the profiles have, by name, in the order in which they are shown."""

from harness.budgets import Budgets, acrobot, cart_pole, gridmaze

TASKS: dict[str, Budgets] = {
    budgets.task.name: budgets for budgets in (cart_pole.BUDGETS, acrobot.BUDGETS, gridmaze.BUDGETS)
}
