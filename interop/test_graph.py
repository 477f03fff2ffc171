"""Degrees and thresholds against the project's known answers, which come from another implementation (secure-aggregation.md 5.2 to 5.5)."""

import json
import pathlib
import unittest

from csa1 import ring

ANSWERS = pathlib.Path(__file__).parent.parent / "aggregation" / "testdata" / "graph_parameters.json"
MODES = {"W": ring.W, "SM": ring.SM, "SH": ring.SH}
LARGEST = 512  # members; exact fractions over more take their time


class Thresholds(unittest.TestCase):
    """(k, t) of the answers is accepted, and one share fewer, or more than survive, is not."""

    def test_known_answers(self):
        """Sparse rings of 64 members and more."""
        vectors = json.loads(ANSWERS.read_text())["vectors"]
        tried = 0
        for v in vectors:
            i, want = v["inputs"], v["expected"]
            if v["kind"] != "harary_params" or i.get("mode") not in MODES or not 64 <= i["n"] <= LARGEST or want["degree"] >= i["n"] - 1:
                continue
            with self.subTest(v["id"]):
                def safe(t):
                    return ring.degree_is_safe(i["n"], 1, i["gamma_basis_points"], i["delta_basis_points"], i["security_bits"], i["completion_bits"],
                                               MODES[i["mode"]], want["degree"], t)
                self.assertEqual([safe(t) for t in (want["threshold"] - 1, want["threshold"], want["s"], want["s"] + 1)], [False, True, True, False])
            tried += 1
        self.assertGreater(tried, 20)

    def test_complete(self):
        """Fewer than 64 members know each other, with the one threshold of 5.5."""
        for v in json.loads(ANSWERS.read_text())["vectors"]:
            if v["kind"] == "complete_graph" and 3 <= v["inputs"]["n"] < 64:
                n, t = v["inputs"]["n"], v["expected"]["threshold"]
                with self.subTest(v["id"]):
                    got = [ring.degree_is_safe(n, 1, v["inputs"]["gamma_basis_points"], 0, 80, 20, ring.W, n - 1, x) for x in (t - 1, t, t + 1)]
                    self.assertEqual(got, [False, True, False])


class Rings(unittest.TestCase):
    """Who is whose neighbour on a sparse ring (5.7)."""

    def test_neighbours_agree(self):
        """Neighbours are mutual, k of them, in one's own cohort, and nearest in position."""
        r = ring.Ring(280, 2, 20, b"seed".ljust(32))
        self.assertEqual(sorted(r.order), list(range(280)))
        for i in range(280):
            mine = r.neighbours(i)
            self.assertEqual(len(set(mine)), 20)
            self.assertEqual([(r.x(j) - r.x(i)) % 140 for j in mine], list(range(1, 11)) + list(range(130, 140)))
            self.assertTrue(all(i in r.neighbours(j) and r.cohort(j) == r.cohort(i) for j in mine))


if __name__ == "__main__":
    unittest.main()
