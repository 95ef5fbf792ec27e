"""The rounds of chapter 16 as an app for Flower, a federated engine: one SuperNode is one phone.

``flwr run`` finds ``client`` and ``server`` by the names in tests/federated/flower_app/pyproject.toml. A client reads
its ratings from a file on its own device, named in its node config; only its upload leaves the device. The uploads are
not masked here; in production, Flower's SecAgg+ masks them.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from flwr.app import ArrayRecord, ConfigRecord, Context, Message, RecordDict
from flwr.clientapp import ClientApp
from flwr.serverapp import Grid, ServerApp
from flwr.supercore.task_identity import TaskIdentity

from recsys_teach.federated.gradients import client_upload, server_step, start_items

client = ClientApp()
server = ServerApp()


@client.train()
def train(message: Message, context: Context) -> Message:
    """Do a phone's part of a round; the file ``ratings`` of the node config holds positions of items, and ratings."""
    content: Any = message.content  # its records are a table of items and settings
    Q = content["items"].to_numpy_ndarrays()[0]
    items, ratings = np.load(str(context.node_config["ratings"]))
    upload = client_upload(items.astype(int), ratings, Q, content["config"]["regularization"])
    return Message(RecordDict({"upload": ArrayRecord([upload])}), reply_to=message)


@server.main()
def main(grid: Grid, context: Context) -> None:
    """Run the rounds; the table of items is left in the app's state, and in the file ``out`` if one is named."""
    config: Any = context.run_config
    Q = start_items(config["n_items"], config["n_factors"], np.random.default_rng(config["seed"]))
    for number in range(config["n_rounds"]):
        settings = ConfigRecord({"regularization": config["regularization"]})
        content = RecordDict({"items": ArrayRecord([Q]), "config": settings})
        nodes = wait_for_nodes(grid, config["n_clients"])
        messages = [Message(content, dst_node_id=node, message_type="train", group_id=str(number)) for node in nodes]
        total = np.zeros((len(Q), Q.shape[1] + 1))
        for reply in grid.send_and_receive(messages):
            upload: Any = reply.content["upload"]
            total += upload.to_numpy_ndarrays()[0]
        gradient, n_raters = total[:, :-1], total[:, -1]
        Q = server_step(Q, gradient, n_raters, n_raters, config["learning_rate"], config["regularization"])
    context.state["items"] = ArrayRecord([Q])
    if config.get("out"):
        np.save(str(config["out"]), Q)


def wait_for_nodes(grid: Grid, n_clients: int, seconds: float = 60) -> list[int]:
    """Wait until so many phones are there, and give their ids, rising.

    Raises
    ------
    TimeoutError
        If fewer came in this time.
    """
    for _ in range(int(seconds / 0.5)):
        nodes = sorted(grid.get_node_ids())
        if len(nodes) >= n_clients:
            return nodes
        time.sleep(0.5)
    raise TimeoutError(f"Waited {seconds:g} s for {n_clients} phones; {len(nodes)} came.")


class InProcessGrid(Grid):
    """Hand messages to the client app in this process: the engine's interface without its network.

    Messages name the task that sends them; TaskIdentity, where Flower keeps that, is not part of its public interface.

    Parameters
    ----------
    app : ClientApp.
    node_configs : list of dict, one a phone; the node ids are 2, 3, …
    """

    def __init__(self, app: ClientApp, node_configs: Sequence[dict[str, Any]]):
        TaskIdentity.task_id = TaskIdentity.run_id = TaskIdentity.node_id = 1
        self._app = app
        self._contexts = {
            node: Context(run_id=1, node_id=node, node_config=dict(config), state=RecordDict(), run_config={})
            for node, config in enumerate(node_configs, start=2)
        }
        self._replies: dict[str, Message] = {}

    def get_node_ids(self) -> Iterable[int]:
        """Give the ids of all phones."""
        return list(self._contexts)

    def push_messages(self, messages: Iterable[Message]) -> Iterable[str]:
        """Let each phone answer at once; give a name for each answer."""
        names = []
        for message in messages:
            node = message.metadata.dst_node_id
            names.append(f"{len(self._replies)}")
            self._replies[names[-1]] = self._app(message, self._contexts[node])
        return names

    def pull_messages(self, message_ids: Iterable[str]) -> Iterable[Message]:
        """Hand out answers, each once."""
        return [self._replies.pop(name) for name in message_ids]

    def send_and_receive(self, messages: Iterable[Message], *, timeout: float | None = None) -> Iterable[Message]:
        """Send, and give the answers."""
        return self.pull_messages(self.push_messages(messages))

    def create_message(self, *args: Any, **kwargs: Any) -> Message:
        """Not needed: apps make their messages themselves."""
        raise NotImplementedError("Write Message(content, dst_node_id=..., message_type=...).")

    def set_run(self, run: Any) -> None:
        """Not needed: there is one run."""

    @property
    def run(self) -> Any:
        """Not needed: there is one run."""
        raise NotImplementedError("There is one run, and nothing to say about it.")
