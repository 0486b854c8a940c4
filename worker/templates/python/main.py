"""One file in, one file out: adds the total to each order in a file of JSON lines. Replace it with your own work."""
import json

from runtime import PermanentError, serve


def process(input, output, context):
    """Turns one file into another; `runtime` does the rest. The README lists what it receives."""
    output.content_type = "application/x-ndjson"
    orders, total_of_all = 0, 0.0
    with input.open() as lines:
        for number, line in enumerate(lines, start=1):
            # Raises at shutdown and shortly before the delivery's deadline: the file is delivered again.
            context.check()
            if not line.strip():
                continue
            order = parse_order(line, number)
            order["total"] = round(order["quantity"] * order["price"], 2)
            orders += 1
            total_of_all += order["total"]
            output.write(json.dumps(order) + "\n")
    # Written beside the result, as _cloud-runner/<object>/report.json.
    output.sidecar("report.json", {"orders": orders, "sum": round(total_of_all, 2)})
    context.log("INFO", f"Added up {orders} orders", orders=orders)


def parse_order(line, number):
    """A permanent error becomes the file's result, since a retry would not help. Anything else is retried."""
    try:
        order = json.loads(line)
        if all(isinstance(order[field], (int, float)) for field in ("quantity", "price")):
            return order
    except (ValueError, KeyError, TypeError):
        pass
    raise PermanentError(
        "An order needs a quantity and a price, both numbers.",
        code="not-an-order",
        line=number,
        suggestions=['Write each order on a line of its own: {"item": "apples", "quantity": 3, "price": 0.5}'],
    )


if __name__ == "__main__":
    serve(process, name="order-totals")
