"""Training: values in, a trained net out; knows no estimator."""

from .._lazy import attach

__getattr__, __dir__ = attach(
    __name__,
    {
        "ALPHAS": "._heads",
        "Blueprint": "._task",
        "CAUTIOUS_ALPHA": "._heads",
        "ContentSplit": "._splits",
        "EpochHook": "._callbacks",
        "Fitted": "._fit",
        "Labelled": "._heads",
        "Labels": "._fine_tuning",
        "Plan": "._task",
        "STARTS": "._starts",
        "Seed": "._random",
        "Task": "._task",
        "begin_stream": "._stream",
        "bfloat16_ratio": "._devices",
        "changed_parameter": "._task",
        "class_probabilities": "._heads",
        "components_needed": "._ordered",
        "extend_stream": "._stream",
        "fine_tune": "._fine_tuning",
        "fit": "._fit",
        "hash_rows": "._splits",
        "joint_moments": "._rotation",
        "label_folds": "._heads",
        "linear_ratio": "._explained",
        "make_seed": "._random",
        "resolve_device": "._devices",
        "stop_on_interrupt": "._interrupt",
        "write_line": "._progress",
        "truncated_net": "._ordered",
    },
)
