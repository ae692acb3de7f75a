"""Fields that cannot change a number that a net computes, in whichever fork.

They say how and where Caffe computes, how it learns, or what it reports. An unknown field with one
of these names, or one that is set twice, is a warning; any other is refused where it matters.
"""

from __future__ import annotations

from bridge.caffe.files.complaint import Complaint

# How layers are computed: BVLC, Intel (engine: MKLDNN …), NVIDIA (types, and cuDNN's algorithms),
# yjxiong (memory), SSD and others.
_EXECUTION = {
    *("engine", "force_nd_im2col", "conv_algorithm", "use_cudnn", "workspace_limit"),
    *("forward_type", "backward_type", "forward_math", "backward_math"),
    *("default_forward_type", "default_backward_type", "default_forward_math"),
    *("default_backward_math", "default_conv_algos_override", "default_cudnn_math_override"),
    *("conv_algos_override", "cudnn_convolution_algo_seeker", "cudnn_math_override"),
    *("cudnn_convolution_algo", "cudnn_workspace_limit", "cudnn_deterministic"),
    *("mem_param", "optimize_mem", "compile_net_state", "multinode"),
    *("mn_activation_param", "mn_grad_compress_param"),
}

# How they learn; multipliers also in V1's spelling, or in another message.
_LEARNING = {
    *("lr_mult", "decay_mult", "blobs_lr", "weight_decay", "propagate_down", "loss_weight"),
    *("force_backward", "global_grad_scale", "global_grad_scale_adaptive", "reduce_buckets"),
    *("stable_prod_grad", "moving_average_fraction", "bn_stats_batch_size", "momentum"),
    *("weight_filler", "bias_filler", "filler", "scale_filler", "slope_filler", "shift_filler"),
    *("mean_filler", "var_filler", "variance_filler", "center_filler", "mask_filler"),
    *("gamma_filler", "beta_filler", "alpha_filler", "offset_filler"),
}

# What they report; and the scales of forks that compute the net in integers.
_REPORTS = {
    *("debug_info", "profile_info", "profile_iter", "profile_warmup"),
    *("visualize", "visualize_threshold", "save_file", "save_output_param"),
    *("store_blobs_in_old_format", "quantization_param", "NetParameter.name"),
    "NetParameter.quantize",
}

_HARMLESS = frozenset(_EXECUTION | _LEARNING | _REPORTS)


def is_harmless(complaint: Complaint) -> bool:
    """Whether no number depends on it."""
    return complaint.is_named(_HARMLESS)


def is_harmless_name(name: str) -> bool:
    """The same for a field that the schema knows."""
    return name in _HARMLESS
