"""What the world is made from: its parameters, their ranges, and the names of people and films."""

from __future__ import annotations

from dataclasses import dataclass

from recsys_teach._validation import check_integer, check_number, check_seed

DAY = 86_400  # seconds
LAST_ARRIVAL = 180  # days; users and items that are not there on day 0 come until then
LAST_DAY = 240  # the log ends here, up to the minutes of a last session
FIRST_ITEM_ID = 1_000_001  # above every user id, so that swapped columns are noticed
STRETCH = 32  # columns that are drawn from together
MAX_IMPRESSIONS = 250  # of one user
BLOCK = 500  # users who share one random stream
SECOND_ORDER, FIRST_ORDER = 0.6, 0.2  # P(next genre is the one preferred after the last two, after the last)
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

RANGES = {  # least and greatest value of each dial
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
    """What the world is made from; :data:`RANGES` holds what each may be.

    Parameters
    ----------
    n_users, n_items : int.
    mean_impressions : float. Mean length of a user's history before it is capped at 250.
    n_factors : int. Number of latent tastes, and so the rank of the affinity.
    taste_strength : float. Standard deviation of the affinity, in logits.
    content_strength : float. Share of an item's variance that its genres explain.
    profile_strength : float. Share of a user's variance that age band, region and device explain.
    sensitive_strength : float. How far ``chronic_illness`` moves a taste, in standard deviations.
    exposure_bias : float. Weight of the popularity in what is shown; 0 shows all items alike.
    personalization : float. Weight of the affinity in what is shown.
    sequence_strength : float. Share of the sequence law in what is shown next.
    task_correlation : float. Correlation of the taste behind finish and like with the taste behind click.
    confounding : float. Weight of a hidden normal variable that enters click and finish, in logits.
    random_state : int. The seed.

    Raises
    ------
    ValueError
        If a dial is outside its range; a TypeError if it is no number.
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
