"""Answers to the exercises of chapter 13: right ones, written differently from the references, and wrong ones."""

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
    for row, other, probabilities in zip(lists, others, P, strict=True):
        found.append(sum(probabilities[i] for i in row if i >= 0) - sum(probabilities[i] for i in other if i >= 0))
    return found


def gain_by_padding(lists, others, P):
    padded = np.hstack([P, np.zeros((len(P), 1))])  # -1 finds the 0 behind
    rows = np.arange(len(P))[:, None]
    return padded[rows, lists].sum(axis=1) - padded[rows, others].sum(axis=1)


def apart_by_sorted_questions(recommend, users, order):
    return recommend(users[order]).tolist() == [recommend(users).tolist()[place] for place in order]


def stages_by_unseen(interest, value, seen, n_candidates, k):
    unseen = np.flatnonzero(~seen)
    fetched = unseen[np.argsort(-interest[unseen])[:n_candidates]]
    return [int(item) for item in sorted(fetched, key=lambda item: -value[item])[:k]]


RIGHT = {
    "13.1": [utility_by_loop, utility_by_stack],
    "13.2": [history_by_loop, history_by_memory],
    "13.3": [stages_by_sorting, stages_by_mask, stages_by_unseen],
    "13.4": [cap_by_counter, cap_by_sorting],
    "13.5": [apart_by_loop, apart_by_going_back, apart_by_sorted_questions],
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


def swaps_the_weights(click, finish, like, w_finish, w_like):
    return click + click * finish * w_like + click * like * w_finish


def sums_the_items(click, finish, like, w_finish, w_like):
    return (click * (1 + w_finish * finish + w_like * like)).sum()


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
knows_its_row = _histories(lambda n, users, times: (users == users[n]) & (np.arange(len(users)) <= n))
newest_first = _histories(lambda n, users, times: (users == users[n]) & (times < times[n]), turned=True)


knows_its_second = _histories(
    lambda n, users, times: (users == users[n]) & (times <= times[n]) & (np.arange(len(users)) != n)
)


def compares_with_its_click(users, items, times, clicks, length, padding):
    rows = np.full((len(users), length), padding)
    for n in range(len(users)):
        last = items[(users == users[n]) & (times < times[n]) & (clicks == clicks[n])][-length:]
        rows[n, : len(last)] = last
    return rows


def pads_in_front(users, items, times, clicks, length, padding):
    rows = np.full((len(users), length), padding)
    for n in range(len(users)):
        last = items[(users == users[n]) & (times < times[n]) & clicks][-length:]
        rows[n, length - len(last) :] = last
    return rows


def filters_last(users, items, times, clicks, length, padding):
    rows = np.full((len(users), length), padding)
    for n in range(len(users)):
        shown = (users == users[n]) & (times < times[n])
        last = items[shown][-length:][clicks[shown][-length:]]
        rows[n, : len(last)] = last
    return rows


def drops_repeats(users, items, times, clicks, length, padding):
    rows = []
    for n in range(len(users)):
        known = items[(users == users[n]) & (times < times[n]) & clicks]
        last = list(dict.fromkeys(known.tolist()))[-length:]
        rows.append(last + [padding] * (length - len(last)))
    return rows


def drops_the_item_shown(users, items, times, clicks, length, padding):
    rows = np.full((len(users), length), padding)
    for n in range(len(users)):
        last = items[(users == users[n]) & (times < times[n]) & clicks & (items != items[n])][-length:]
        rows[n, : len(last)] = last
    return rows


def leaves_rows_ragged(users, items, times, clicks, length, padding):
    return [items[(users == users[n]) & (times < times[n]) & clicks][-length:] for n in range(len(users))]


def gives_seen_zero(interest, value, seen, n_candidates, k):
    fetched = np.argsort(-np.where(seen, 0, interest))[:n_candidates]
    return fetched[np.argsort(-value[fetched])][:k]


def fetches_among_the_unseen(interest, value, seen, n_candidates, k):
    fetched = np.argsort(-interest[~seen])[:n_candidates]
    return fetched[np.argsort(-value[fetched])][:k]


def returns_places_among_the_unseen(interest, value, seen, n_candidates, k):
    fetched = np.argsort(-interest[~seen])[:n_candidates]
    return fetched[np.argsort(-value[~seen][fetched])][:k]


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


def puts_seen_at(level):
    def answer(interest, value, seen, n_candidates, k):
        fetched = np.argsort(-np.where(seen, level(interest), interest), kind="stable")[:n_candidates]
        return fetched[np.argsort(-value[fetched])][:k]

    return answer


def fetches_k(interest, value, seen, n_candidates, k):
    fetched = np.argsort(np.where(seen, np.inf, -interest))[:k]
    return fetched[np.argsort(-value[fetched])]


def cuts_before_the_value(interest, value, seen, n_candidates, k):
    fetched = np.argsort(np.where(seen, np.inf, -interest))[:n_candidates][:k]
    return sorted(fetched, key=lambda item: -value[item])


def partitions_by_value(interest, value, seen, n_candidates, k):
    fetched = np.argsort(np.where(seen, np.inf, -interest))[:n_candidates]
    return fetched[np.argpartition(-value[fetched], k - 1)[:k]]


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


def asks_for_the_genre_of_the_place(ranked, genres, k, cap):
    kept, passed = [], []
    for place in range(len(ranked)):
        full = sum(genres[j] == genres[place] for j in kept) >= cap
        (passed if full else kept).append(ranked[place])
    return (kept + passed)[:k]


def _fills(order):
    def answer(ranked, genres, k, cap):
        kept = drops_the_passed(ranked, genres, len(ranked), cap)
        return (kept + [item for item in order(ranked, genres) if item in ranked and item not in kept])[:k]

    return answer


fills_from_the_catalog = _fills(lambda ranked, genres: range(len(genres)))
fills_in_reverse = _fills(lambda ranked, genres: ranked[::-1])


def counts_genres_of_places(ranked, genres, k, cap):
    count, kept, passed = {}, [], []
    for place, item in enumerate(ranked):
        genre = genres[place]
        (kept if count.get(genre, 0) < cap else passed).append(item)
        count[genre] = count.get(genre, 0) + 1
    return (kept + passed)[:k]


def returns_places(ranked, genres, k, cap):
    kept, passed = [], []
    for place in range(len(ranked)):
        full = sum(genres[ranked[j]] == genres[ranked[place]] for j in kept) >= cap
        (passed if full else kept).append(place)
    return (kept + passed)[:k]


def compares_as_they_are(recommend, users, order):
    return bool((recommend(users[order]) == recommend(users)).all())


def turns_the_wrong_way(recommend, users, order):
    return bool((recommend(users[order])[order] == recommend(users)).all())


def never_fails(recommend, users, order):
    return set(map(tuple, recommend(users[order]))) == set(map(tuple, recommend(users[order])))


def compares_the_heap(recommend, users, order):
    return sorted(recommend(users[order]).ravel()) == sorted(recommend(users).ravel())


def compares_the_first_row(recommend, users, order):
    return (recommend(users)[order][0] == recommend(users[order])[0]).all()


def compares_the_first_place(recommend, users, order):
    return (recommend(users)[order][:, 0] == recommend(users[order])[:, 0]).all()


def takes_any(recommend, users, order):
    return (recommend(users)[order] == recommend(users[order])).any()


def says_the_opposite(recommend, users, order):
    return not np.array_equal(recommend(users)[order], recommend(users[order]))


def asks_in_reverse(recommend, users, order):
    return np.array_equal(recommend(users[::-1]), recommend(users)[::-1])


def asks_one_by_one(recommend, users, order):
    return all((recommend(np.array([user]))[0] == row).all() for user, row in zip(users, recommend(users), strict=True))


def compares_the_last_row(recommend, users, order):
    return (recommend(users)[order][-1] == recommend(users[order])[-1]).all()


def asks_for_positions(recommend, users, order):
    return np.array_equal(recommend(order), recommend(users)[order])


def sorts_the_columns(recommend, users, order):
    return np.array_equal(np.sort(recommend(users)[order], axis=0), np.sort(recommend(users[order]), axis=0))


def _gives(lists, P):
    return np.where(lists >= 0, np.take_along_axis(P, np.maximum(lists, 0), axis=1), 0)


def sums_over_users(lists, others, P):
    return (_gives(lists, P) - _gives(others, P)).sum(axis=0)


def drops_item_0(lists, others, P):
    found = [np.where(t <= 0, 0, np.take_along_axis(P, t, axis=1)).sum(axis=1) for t in (lists, others)]
    return found[0] - found[1]


def takes_item_0(lists, others, P):
    found = [np.take_along_axis(P, np.maximum(t, 0), axis=1).sum(axis=1) for t in (lists, others)]
    return found[0] - found[1]


def minds_the_first_alone(lists, others, P):
    return _gives(lists, P).sum(axis=1) - np.take_along_axis(P, others, axis=1).sum(axis=1)


def minds_the_second_alone(lists, others, P):
    return np.take_along_axis(P, lists, axis=1).sum(axis=1) - _gives(others, P).sum(axis=1)


def sums_over_all(lists, others, P):
    return _gives(lists, P).sum() - _gives(others, P).sum()


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
        (divides_by_the_weights, "divided by the sum of the weights"),
        (swaps_the_weights, "swapped the weights"),
        (sums_the_items, "summed over the items"),
    ],
    "13.2": [
        (knows_itself, "own history"),
        (knows_the_future, "Later clicks"),
        (knows_the_others, "Other people"),
        (goes_by_rows, "row of the log"),
        (newest_first, "begin with the newest"),
        (pads_in_front, "padding is in front"),
        (knows_its_row, "own history"),
        (filters_last, "filter the clicks first"),
        (drops_repeats, "dropped repeats"),
        (drops_the_item_shown, "go by time alone"),
        (leaves_rows_ragged, "fill each of them"),
        (knows_its_second, "Other events of the same second"),
        (compares_with_its_click, "the click of the impression itself"),
    ],
    "13.3": [
        (stays_in_the_short_list, "places in the short list"),
        (never_ranks, "in the order of the interest"),
        (never_fetches, "ranked all unseen items by their value"),
        (brings_seen_items_back, "A seen item is in your list"),
        (puts_seen_at(lambda interest: -1.0), "You gave seen items -1"),
        (puts_seen_at(lambda interest: interest.min()), "A seen item is in your list"),
        (fetches_k, "You fetched k items"),
        (cuts_before_the_value, "You fetched k items"),
        (partitions_by_value, "sort these k by `value`"),
        (takes_seen_out_too_late, "after the fetch"),
        (gives_seen_zero, "You gave seen items 0"),
        (fetches_among_the_unseen, "You fetched places among the unseen"),
        (returns_places_among_the_unseen, "You return places among the unseen"),
    ],
    "13.4": [
        (drops_the_passed, "the list is short"),
        (one_too_many, "one item of a genre too many"),
        (cuts_first, "before you looked at the genres"),
        (never_caps, "the cap has no effect"),
        (fills_from_the_catalog, "in the order of the catalog"),
        (fills_in_reverse, "with the last one first"),
        (counts_genres_of_places, "for all items"),
        (asks_for_the_genre_of_the_place, "genre of the place"),
        (returns_places, "places in ranked"),
    ],
    "13.5": [
        (compares_as_they_are, "as they are"),
        (turns_the_wrong_way, "the wrong way"),
        (never_fails, "never fails"),
        (compares_the_heap, "compare as a set"),
        (compares_the_first_row, "first row alone"),
        (compares_the_first_place, "first place of each list alone"),
        (takes_any, ".any()"),
        (says_the_opposite, "turn it round"),
        (sorts_the_columns, "sort each column"),
        (asks_in_reverse, "You asked in reverse order"),
        (asks_one_by_one, "one user at a time"),
        (compares_the_last_row, "last row alone"),
        (asks_for_positions, "the positions in `order` themselves"),
    ],
    "13.6": [
        (takes_the_last_item, "took the last item"),
        (takes_the_mean_of_users, "mean over the users"),
        (turns_the_sign, "Your sign is reversed"),
        (takes_the_mean_of_places, "mean over the places"),
        (sums_over_users, "axis=1"),
        (drops_item_0, "Item 0 gives nothing"),
        (takes_item_0, "An empty place took item 0"),
        (minds_the_first_alone, "first table only"),
        (minds_the_second_alone, "second table only"),
        (sums_over_all, "summed over all users"),
    ],
}
