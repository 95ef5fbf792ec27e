"""The federated training of chapter 16 as an app for the federated learning framework Flower.

Each SuperNode is one client. ``flwr run`` finds ``client`` and ``server`` by the names in
tests/federated/flower_app/pyproject.toml. A client reads its ratings from a local file, whose path is in its node
config; only its upload leaves the device. The uploads are not masked here; in production, use SecAgg+ of Flower.
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
    """Compute the upload of one client in one round.

    Parameters
    ----------
    message : Message
        Contains the item factors and the settings of the server.
    context : Context
        Its node config contains the path ``ratings`` of a file with item positions and ratings.

    Returns
    -------
    Message
        The reply with the upload.
    """
    content: Any = message.content  # contains the records "items" and "config"
    Q = content["items"].to_numpy_ndarrays()[0]
    items, ratings = np.load(str(context.node_config["ratings"]))
    upload = client_upload(items.astype(int), ratings, Q, content["config"]["regularization"])
    return Message(RecordDict({"upload": ArrayRecord([upload])}), reply_to=message)


@server.main()
def main(grid: Grid, context: Context) -> None:
    """Run all rounds, and store the item factors in the state of the app, and in the file ``out`` if it is set.

    Parameters
    ----------
    grid : Grid
        Connection to the clients.
    context : Context
        Its run config contains the parameters, and its state receives the result.
    """
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
    """Wait until enough clients are connected, and return their ids in ascending order.

    Parameters
    ----------
    grid : Grid
        Connection to the clients.
    n_clients : int
        Number of clients to wait for.
    seconds : float, default=60
        Time limit.

    Returns
    -------
    list of int
        The node ids.

    Raises
    ------
    TimeoutError
        If fewer clients are connected after this time.
    """
    for _ in range(int(seconds / 0.5)):
        nodes = sorted(grid.get_node_ids())
        if len(nodes) >= n_clients:
            return nodes
        time.sleep(0.5)
    raise TimeoutError(
        f"Expected {n_clients} clients within {seconds:g} s; got {len(nodes)}. Start the missing SuperNodes."
    )


class InProcessGrid(Grid):
    """A grid that passes messages to the client app in the same process, without a network.

    Parameters
    ----------
    app : ClientApp
        The client app.
    node_configs : list of dict
        Node config of each client; the node ids are 2, 3, …
    """

    def __init__(self, app: ClientApp, node_configs: Sequence[dict[str, Any]]):
        # A message names the task that sends it. Flower stores the task in TaskIdentity, which is not a public API.
        TaskIdentity.task_id = TaskIdentity.run_id = TaskIdentity.node_id = 1
        self._app = app
        self._contexts = {
            node: Context(run_id=1, node_id=node, node_config=dict(config), state=RecordDict(), run_config={})
            for node, config in enumerate(node_configs, start=2)
        }
        self._replies: dict[str, Message] = {}

    def get_node_ids(self) -> Iterable[int]:
        """Return the ids of all clients.

        Returns
        -------
        list of int
            The node ids.
        """
        return list(self._contexts)

    def push_messages(self, messages: Iterable[Message]) -> Iterable[str]:
        """Run the client app on each message, and store the replies.

        Parameters
        ----------
        messages : iterable of Message
            The messages.

        Returns
        -------
        list of str
            An id for each reply.
        """
        names = []
        for message in messages:
            node = message.metadata.dst_node_id
            names.append(f"{len(self._replies)}")
            self._replies[names[-1]] = self._app(message, self._contexts[node])
        return names

    def pull_messages(self, message_ids: Iterable[str]) -> Iterable[Message]:
        """Return replies, and remove them from the store.

        Parameters
        ----------
        message_ids : iterable of str
            Ids returned by :meth:`push_messages`.

        Returns
        -------
        list of Message
            The replies.
        """
        return [self._replies.pop(name) for name in message_ids]

    def send_and_receive(self, messages: Iterable[Message], *, timeout: float | None = None) -> Iterable[Message]:
        """Send messages, and return the replies.

        Parameters
        ----------
        messages : iterable of Message
            The messages.
        timeout : float, optional
            Ignored.

        Returns
        -------
        list of Message
            The replies.
        """
        return self.pull_messages(self.push_messages(messages))

    def create_message(self, *args: Any, **kwargs: Any) -> Message:
        """Raise NotImplementedError: apps create their messages themselves.

        Parameters
        ----------
        *args, **kwargs : object
            Ignored.

        Raises
        ------
        NotImplementedError
            Always.
        """
        raise NotImplementedError("Write Message(content, dst_node_id=..., message_type=...).")

    def set_run(self, run: Any) -> None:
        """Do nothing, because there is only one run.

        Parameters
        ----------
        run : object
            Ignored.
        """

    @property
    def run(self) -> Any:
        """Not available, because the single run has no metadata."""
        raise NotImplementedError("InProcessGrid has a single run without metadata. Read the run config instead.")
