"""python3 -m unittest"""
import io
import json
import pathlib
import unittest
from types import SimpleNamespace

from main import process
from runtime import PermanentError


def run(content):
    """Runs the process on bytes as the worker would. Returns the result and its sidecars."""
    written, sidecars = [], {}
    process(
        SimpleNamespace(object="sample.jsonl", metadata={}, open=lambda: io.BytesIO(content)),
        SimpleNamespace(write=written.append, sidecar=sidecars.__setitem__),
        SimpleNamespace(environment={}, check=lambda: None, log=lambda *line, **fields: None),
    )
    return "".join(written), sidecars


class ProcessTest(unittest.TestCase):
    def test_adds_the_total_to_each_order(self):
        result, sidecars = run(pathlib.Path(__file__).with_name("sample.jsonl").read_bytes())
        self.assertEqual([json.loads(line)["total"] for line in result.splitlines()], [1.5, 2.75, 7.96])
        self.assertEqual(sidecars["report.json"], {"orders": 3, "sum": 12.21})

    def test_names_the_line_that_is_not_an_order(self):
        with self.assertRaises(PermanentError) as caught:
            run(b'{"quantity": 1, "price": 2}\n\n{"quantity": "many"}\n')
        self.assertEqual((caught.exception.code, caught.exception.line), ("not-an-order", 3))


if __name__ == "__main__":
    unittest.main()
