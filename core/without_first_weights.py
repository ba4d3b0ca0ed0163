"""Networks whose weights come from a file need no random ones first: drawing these takes longer than reading the file."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from torch.overrides import TorchFunctionMode


class WithoutFirstWeights(TorchFunctionMode):
    """Inside it, layers keep the memory that they are given as it is. Every parameter has to be loaded afterwards.

    On the device "meta", too, where drawing them would import sympy: 70 MB and a second that nobody needs.
    """

    def __torch_function__(
        self, function: Callable[..., Any], _types: Any, arguments: tuple[Any, ...] = (), options: Mapping[str, Any] | None = None
    ) -> Any:
        options = options or {}
        if getattr(function, "__module__", None) == "torch.nn.init":
            return options["tensor"] if "tensor" in options else arguments[0]
        return function(*arguments, **options)
