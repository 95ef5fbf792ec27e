"""The parameters of the world, their ranges, and the vocabulary of its profiles and titles."""

from __future__ import annotations

from dataclasses import dataclass

from recsys_teach._validation import check_integer, check_number, check_seed

DAY = 86_400  # seconds
LAST_ARRIVAL = 180  # days; users and items that do not exist on day 0 arrive until then
LAST_DAY = 240  # end of the log, except that a last session may run over by some minutes
FIRST_ITEM_ID = 1_000_001  # above every user id, so that swapped columns are detected
STRETCH = 32  # number of adjacent columns whose weights are summed first when an item is drawn
MAX_IMPRESSIONS = 250  # per user
BLOCK = 500  # number of users who share one random stream
SECOND_ORDER, FIRST_ORDER = 0.6, 0.2  # P(next genre is the one preferred after the last two genres, after the last)
CLICK_INTERCEPT, FINISH_INTERCEPT, LIKE_INTERCEPT = -2.2, -1.3, -3.1

PROFILE = {
    "age_band": ("under 25", "25-39", "40-59", "60 and over"),
    "region": ("north", "east", "south", "west"),
    "device": ("phone", "tablet", "computer", "tv"),
}
NOUNS = {
    "action": "Chase Heist Strike Fuse Runner",
    "comedy": "Neighbour Wedding Lodger Mishap Cousin",
    "crime": "Alibi Witness Ledger Verdict Suspect",
    "documentary": "Archive Factory Atlas Bridge Workshop",
    "drama": "Letter Harbour Daughter Winter Silence",
    "family": "Treehouse Puppy Kite Holiday Lantern",
    "fantasy": "Dragon Sorcerer Crown Forest Oracle",
    "history": "Empire Voyage Siege Treaty Dynasty",
    "horror": "Cellar Whisper Mirror Fog Curse",
    "music": "Chorus Violin Encore Rhythm Melody",
    "romance": "Summer Promise Garden Waltz Stranger",
    "space": "Orbit Comet Colony Signal Horizon",
}
ADJECTIVES = (
    *("Amber", "Brave", "Crooked", "Distant", "Early", "Fading", "Gentle", "Hidden", "Idle", "Jagged"),
    *("Kindred", "Last", "Midnight", "Narrow", "Open", "Paper", "Quiet", "Restless", "Silver", "Tender"),
)
GENRES = tuple(NOUNS)

RANGES = {  # smallest and largest value of each parameter
    "n_users": (1, 1_000_000),
    "n_items": (50, 20_000),
    "mean_impressions": (5, 100),
    "n_factors": (2, 32),
    "taste_strength": (0, 5),
    "content_strength": (0, 1),
    "profile_strength": (0, 1),
    "sensitive_strength": (0, 3),
    "exposure_bias": (0, 3),
    "personalization": (0, 3),
    "sequence_strength": (0, 1),
    "task_correlation": (0, 1),
    "confounding": (0, 3),
}


@dataclass(frozen=True)
class WorldConfig:
    """The parameters of the world; :data:`RANGES` lists the range of each.

    Attributes
    ----------
    n_users, n_items : int
        Number of users and items.
    mean_impressions : float
        Mean length of a user's history before it is capped at 250 impressions.
    n_factors : int
        Number of latent factors, which is the rank of the affinity.
    taste_strength : float
        Standard deviation of the affinity, in logits.
    content_strength : float
        Share of the variance of the item factors that the genres explain.
    profile_strength : float
        Share of the variance of the user factors that age band, region and device explain.
    sensitive_strength : float
        Shift of the user factors by ``chronic_illness``, in standard deviations.
    exposure_bias : float
        Weight of the popularity in the exposure. With 0, popularity has no effect on what is shown.
    personalization : float
        Weight of the affinity in the exposure.
    sequence_strength : float
        Weight of the sequence law in the choice of the next item, from 0 to 1.
    task_correlation : float
        Correlation between the item factors of finish and like and those of click.
    confounding : float
        Weight of a hidden normal variable that affects both click and finish, in logits.
    random_state : int
        The seed.

    Raises
    ------
    TypeError
        If a parameter has the wrong type.
    ValueError
        If a parameter is out of range.
    """

    n_users: int = 1_000
    n_items: int = 600
    mean_impressions: float = 60.0
    n_factors: int = 8
    taste_strength: float = 1.6
    content_strength: float = 0.7
    profile_strength: float = 0.3
    sensitive_strength: float = 1.0
    exposure_bias: float = 1.0
    personalization: float = 0.5
    sequence_strength: float = 0.5
    task_correlation: float = 0.5
    confounding: float = 0.0
    random_state: int = 0

    def __post_init__(self) -> None:
        for name, (low, high) in RANGES.items():
            if name.startswith("n_"):
                check_integer(name, getattr(self, name), low, high)
            else:
                check_number(name, getattr(self, name), low=low, high=high)
        check_seed("random_state", self.random_state)
