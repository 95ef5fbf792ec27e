"""Right answers to the exercises of chapter 13, written differently from the references."""

import numpy as np


def utility_by_loop(click, finish, like, w_finish, w_like):
    return [c + w_finish * c * f + w_like * c * g for c, f, g in zip(click, finish, like, strict=True)]


def utility_by_stack(click, finish, like, w_finish, w_like):
    return click * (np.stack([np.ones_like(finish), finish, like], axis=-1) @ np.array([1.0, w_finish, w_like]))


def history_by_loop(users, items, times, clicks, length, padding):
    rows = np.full((len(users), length), padding)
    for n in range(len(users)):
        before = (users == users[n]) & (times < times[n]) & clicks
        last = items[before][-length:]
        rows[n, : len(last)] = last
    return rows


def history_by_memory(users, items, times, clicks, length, padding):
    memory, rows = {}, []
    for user, time in zip(users, times, strict=True):
        known = [item for then, item in memory.get(user, []) if then < time][-length:]
        rows.append(known + [padding] * (length - len(known)))
        place = len(rows) - 1
        if clicks[place]:
            memory.setdefault(user, []).append((time, items[place]))
    return np.array(rows)


def stages_by_sorting(interest, value, seen, n_candidates, k):
    left = [item for item in range(len(interest)) if not seen[item]]
    fetched = sorted(left, key=lambda item: -interest[item])[:n_candidates]
    return sorted(fetched, key=lambda item: -value[item])[:k]


def stages_by_mask(interest, value, seen, n_candidates, k):
    fetched = np.argsort(np.where(seen, np.inf, -interest))[:n_candidates]
    masked = np.full(len(value), -np.inf)
    masked[fetched] = value[fetched]
    return np.argsort(-masked)[:k]


def cap_by_counter(ranked, genres, k, cap):
    count, kept, passed = {}, [], []
    for item in ranked:
        genre = genres[item]
        (kept if count.get(genre, 0) < cap else passed).append(item)
        count[genre] = count.get(genre, 0) + 1
    return (kept + passed)[:k]


def cap_by_sorting(ranked, genres, k, cap):
    place = np.array([(genres[ranked[:n]] == genres[item]).sum() for n, item in enumerate(ranked)])
    return ranked[np.argsort(place >= cap, kind="stable")][:k]


def apart_by_loop(recommend, users, order):
    straight, turned = recommend(users), recommend(users[order])
    return all((turned[n] == straight[order[n]]).all() for n in range(len(users)))


def apart_by_going_back(recommend, users, order):
    turned = recommend(users[order])
    back = np.empty_like(turned)
    back[order] = turned
    return bool((back == recommend(users)).all())


def gain_by_loop(lists, others, P):
    found = []
    for row, other, chances in zip(lists, others, P, strict=True):
        found.append(sum(chances[i] for i in row if i >= 0) - sum(chances[i] for i in other if i >= 0))
    return found


def gain_by_padding(lists, others, P):
    padded = np.hstack([P, np.zeros((len(P), 1))])  # -1 finds the 0 behind
    rows = np.arange(len(P))[:, None]
    return padded[rows, lists].sum(axis=1) - padded[rows, others].sum(axis=1)


RIGHT = {
    "13.1": [utility_by_loop, utility_by_stack],
    "13.2": [history_by_loop, history_by_memory],
    "13.3": [stages_by_sorting, stages_by_mask],
    "13.4": [cap_by_counter, cap_by_sorting],
    "13.5": [apart_by_loop, apart_by_going_back],
    "13.6": [gain_by_loop, gain_by_padding],
}


def adds_the_heads(click, finish, like, w_finish, w_like):
    return click + finish * w_finish + like * w_like


def forgets_the_click_itself(click, finish, like, w_finish, w_like):
    return click * finish * w_finish + click * like * w_like


def forgets_a_bracket(click, finish, like, w_finish, w_like):
    return click * (1 + w_finish * finish) + w_like * like


def divides_by_the_weights(click, finish, like, w_finish, w_like):
    return click * (1 + w_finish * finish + w_like * like) / (1 + w_finish + w_like)


def _histories(keep, turned=False):
    def answer(users, items, times, clicks, length, padding):
        rows = np.full((len(users), length), padding)
        for n in range(len(users)):
            last = items[keep(n, users, times) & clicks][-length:]
            rows[n, : len(last)] = last[::-1] if turned else last
        return rows

    return answer


knows_itself = _histories(lambda n, users, times: (users == users[n]) & (times <= times[n]))
knows_the_future = _histories(lambda n, users, times: users == users[n])
knows_the_others = _histories(lambda n, users, times: times < times[n])
goes_by_rows = _histories(lambda n, users, times: (users == users[n]) & (np.arange(len(users)) < n))
newest_first = _histories(lambda n, users, times: (users == users[n]) & (times < times[n]), turned=True)


def pads_in_front(users, items, times, clicks, length, padding):
    rows = np.full((len(users), length), padding)
    for n in range(len(users)):
        last = items[(users == users[n]) & (times < times[n]) & clicks][-length:]
        rows[n, length - len(last) :] = last
    return rows


def stays_in_the_short_list(interest, value, seen, n_candidates, k):
    fetched = np.argsort(np.where(seen, np.inf, -interest))[:n_candidates]
    return np.argsort(-value[fetched])[:k]


def never_ranks(interest, value, seen, n_candidates, k):
    return np.argsort(np.where(seen, np.inf, -interest))[:k]


def never_fetches(interest, value, seen, n_candidates, k):
    return np.argsort(np.where(seen, np.inf, -value))[:k]


def brings_seen_items_back(interest, value, seen, n_candidates, k):
    fetched = np.argsort(-interest)[:n_candidates]
    return fetched[np.argsort(-value[fetched])][:k]


def takes_seen_out_too_late(interest, value, seen, n_candidates, k):
    fetched = [item for item in np.argsort(-interest)[:n_candidates] if not seen[item]]
    return sorted(fetched, key=lambda item: -value[item])[:k]


def drops_the_passed(ranked, genres, k, cap):
    kept = []
    for item in ranked:
        if sum(genres[other] == genres[item] for other in kept) < cap:
            kept.append(item)
    return kept[:k]


def one_too_many(ranked, genres, k, cap):
    return cap_by_sorting(ranked, genres, k, cap + 1)


def cuts_first(ranked, genres, k, cap):
    return cap_by_sorting(ranked[:k], genres, k, cap)


def never_caps(ranked, genres, k, cap):
    return list(ranked[:k])


def compares_as_they_are(recommend, users, order):
    return bool((recommend(users[order]) == recommend(users)).all())


def turns_the_wrong_way(recommend, users, order):
    return bool((recommend(users[order])[order] == recommend(users)).all())


def never_fails(recommend, users, order):
    return set(map(tuple, recommend(users[order]))) == set(map(tuple, recommend(users[order])))


def compares_the_heap(recommend, users, order):
    return sorted(recommend(users[order]).ravel()) == sorted(recommend(users).ravel())


def takes_the_last_item(lists, others, P):
    rows = np.arange(len(P))[:, None]
    return P[rows, lists].sum(axis=1) - P[rows, others].sum(axis=1)


def takes_the_mean_of_users(lists, others, P):
    return np.mean(gain_by_padding(lists, others, P))


def turns_the_sign(lists, others, P):
    return -gain_by_padding(lists, others, P)


def takes_the_mean_of_places(lists, others, P):
    return gain_by_padding(lists, others, P) / lists.shape[1]


WRONG = {
    "13.1": [
        (adds_the_heads, "You added the heads"),
        (forgets_the_click_itself, "the 1 in the bracket"),
        (forgets_a_bracket, "put a bracket"),
        (divides_by_the_weights, "differ"),
    ],
    "13.2": [
        (knows_itself, "own history"),
        (knows_the_future, "Later clicks"),
        (knows_the_others, "Other people"),
        (goes_by_rows, "row of the log"),
        (newest_first, "begin with the newest"),
        (pads_in_front, "differ"),
    ],
    "13.3": [
        (stays_in_the_short_list, "places in the short list"),
        (never_ranks, "the second stage did nothing"),
        (never_fetches, "the first stage did nothing"),
        (brings_seen_items_back, "A seen item came back"),
        (takes_seen_out_too_late, "after the fetch"),
    ],
    "13.4": [
        (drops_the_passed, "the list is short"),
        (one_too_many, "One item of a genre too many"),
        (cuts_first, "before you looked at the genres"),
        (never_caps, "the cap did nothing"),
    ],
    "13.5": [
        (compares_as_they_are, "as they are"),
        (turns_the_wrong_way, "the wrong way"),
        (never_fails, "never fails"),
        (compares_the_heap, "compare as a set"),
    ],
    "13.6": [
        (takes_the_last_item, "took the last item"),
        (takes_the_mean_of_users, "One number came"),
        (turns_the_sign, "Your sign is turned"),
        (takes_the_mean_of_places, "mean over the places"),
    ],
}
