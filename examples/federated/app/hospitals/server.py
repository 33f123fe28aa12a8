"""The server: it adds up what the hospitals answer, and averages their weights (FedAvg).

McMahan et al. 2017, "Communication-Efficient Learning of Deep Networks from Decentralized Data"
(arXiv 1602.05629): each round sends the common weights, and takes the mean of the answers, weighted
by the number of rows.
"""

import time

import numpy as np
from flwr.app import ArrayRecord, ConfigRecord, Context, Message, MessageType, RecordDict
from flwr.serverapp import Grid, ServerApp
from flwr.serverapp.strategy import FedAvg

app = ServerApp()


@app.main()
def main(grid: Grid, context: Context) -> None:
    """Train over all hospitals, and save coefficients, intercept, mean and scale of the columns."""
    config = context.run_config
    hospitals = int(config["hospitals"])
    mean, scale, rows = _standardize(grid, hospitals)
    start = ArrayRecord([np.zeros_like(mean), np.zeros(1), mean, scale])
    strategy = FedAvg(min_train_nodes=hospitals, min_available_nodes=hospitals, fraction_evaluate=0)
    result = strategy.start(
        grid,
        initial_arrays=start,
        num_rounds=int(config["rounds"]),
        train_config=ConfigRecord({"steps": config["steps"], "rate": config["rate"]}),
    )
    coefficients, intercept, *_ = result.arrays.to_numpy_ndarrays()
    np.savez(
        str(config["result"]),
        coefficients=coefficients,
        intercept=intercept,
        mean=mean,
        scale=scale,
        rows=rows,
    )


def _standardize(grid: Grid, hospitals: int) -> tuple[np.ndarray, np.ndarray, int]:
    """Return mean and standard deviation of each column over all hospitals, and the row count."""
    while len(nodes := list(grid.get_node_ids())) < hospitals:
        time.sleep(0.2)
    questions = [
        Message(RecordDict(), dst_node_id=node, message_type=MessageType.QUERY) for node in nodes
    ]
    answers = [answer.content for answer in grid.send_and_receive(questions)]
    count = sum(int(answer["count"]["rows"]) for answer in answers)
    pairs = [answer["sums"].to_numpy_ndarrays() for answer in answers]
    mean = sum(sums for sums, _ in pairs) / count
    variance = sum(squares for _, squares in pairs) / count - mean**2
    return mean, np.sqrt(variance), count
