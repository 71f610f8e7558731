/* SPDX-License-Identifier: Apache-2.0 */
#include "queue/failure.h"

#include <string.h>

static const struct queue_failure_class classes[FAILURE_MAX + 1] = {
    [FAILURE_NONE] = {"", ' ', false, "", "", "", ""},
    [FAILURE_HUB_NETWORK] = {"hub_network", 'M', true, "模型仓库一直没有给出可用的答复",
                             "the hub did not give a usable answer, after several tries",
                             "请稍后重新提交，本次不计入配额",
                             "Submit it again later; this one does not count"},
    [FAILURE_NOT_FOUND] =
        {"not_found", 'P', false, "在模型仓库中找不到该模型，或它不是公开的",
         "the model is not on the hub, or it is not public",
         "请检查名称（组织/模型），并确认模型是公开的",
         "Check the name (organisation/model) and make sure that the model is public"},
    [FAILURE_GATED] = {"gated", 'P', false, "该模型需要申请访问权限",
                       "the model is gated: access must be asked for",
                       "请先开放访问，再重新提交", "Open it to everybody, then submit again"},
    [FAILURE_REVISION_MISSING] = {"revision_missing", 'P', false,
                                  "模型没有这个版本（分支、标签或 commit）",
                                  "the model has no such revision (branch, tag or commit)",
                                  "请检查 Revision commit 一栏",
                                  "Check the field for the revision"},
    [FAILURE_BASE_MODEL] = {"base_model", 'P', false, "基座模型无法使用",
                            "the base model cannot be used",
                            "Adapter 与 Delta 权重需要一个公开的基座模型",
                            "Adapter and delta weights need a base model that is public"},
    [FAILURE_CONFIG_MISSING] =
        {"config_missing", 'P', false, "该版本中没有可读的 config.json",
         "this revision has no config.json that can be read",
         "请确认模型能用 transformers 的 Auto 类加载",
         "Make sure that the Auto classes of transformers load the model"},
    [FAILURE_CONFIG_UNSUPPORTED] = {"config_unsupported", 'P', false,
                                    "已发布的 transformers 不支持该模型结构",
                                    "a released transformers does not know this architecture",
                                    "请在该结构随 transformers 发布后再提交",
                                    "Submit again once the architecture is part of a release"},
    [FAILURE_TOKENIZER_MISSING] =
        {"tokenizer_missing", 'P', false, "缺少 tokenizer，或已发布的 transformers 中没有它",
         "the tokenizer is missing, or not in a released transformers",
         "请把 tokenizer 文件一并上传", "Upload the files of the tokenizer as well"},
    [FAILURE_REMOTE_CODE] = {"remote_code_required", 'P', false,
                             "加载该模型需要运行其自带代码（trust_remote_code）",
                             "the model needs code of its own to load (trust_remote_code)",
                             "为了集群安全我们不运行这类代码，请等该结构并入 transformers",
                             "We do not run such code, for the safety of the cluster; wait "
                             "until transformers has it"},
    [FAILURE_MODEL_INFO] = {"model_info", 'P', false, "无法读取模型信息",
                            "the model's information cannot be read",
                            "请补全模型卡片（README.md）后重新提交",
                            "Fill in the model card, then submit again"},
    [FAILURE_WEIGHTS_MISSING] = {"weights_missing", 'P', false,
                                 "该版本中没有 safetensors 格式的权重",
                                 "this revision has no weights in safetensors",
                                 "请把权重转换为 safetensors：更安全、加载更快，并能读出参数量",
                                 "Convert the weights to safetensors: safer, faster, and the "
                                 "parameters can be counted"},
    [FAILURE_TOO_LARGE] = {"too_large", 'P', false, "模型超过本平台可评测的规模",
                           "the model is larger than we can run", "较低的精度也许可以",
                           "A lower precision may do"},
    [FAILURE_LICENSE_MISSING] =
        {"license_missing", 'P', false, "模型没有许可证", "the model has no licence",
         "请在模型卡片的元数据中选择许可证，最好是开放许可证",
         "Choose a licence in the metadata of the model card, an open one if you can"},
    [FAILURE_CARD_MISSING] = {"card_missing", 'P', false, "模型没有模型卡片",
                              "the model has no model card", "请添加 README.md，介绍模型",
                              "Add a README.md that describes the model"},
    [FAILURE_CARD_SHORT] = {"card_short", 'P', false, "模型卡片过短",
                            "the model card is too short", "请补充模型的说明",
                            "Tell more about the model"},
    [FAILURE_WEIGHTS_CORRUPT] = {"weights_corrupt", 'B', false, "权重文件损坏或不完整",
                                 "the weights are damaged or incomplete", "请重新上传权重",
                                 "Upload the weights again"},
    [FAILURE_ADAPTER_MISMATCH] =
        {"adapter_base_mismatch", 'P', false, "Adapter 与基座模型不匹配",
         "the adapter does not fit its base model", "请检查 Base model 一栏",
         "Check the field for the base model"},
    [FAILURE_OUT_OF_MEMORY] = {"out_of_memory", 'O', false, "显存或内存不足", "memory ran out",
                               "较低的精度也许可以", "A lower precision may do"},
    [FAILURE_PRECISION_NAN] = {"precision_nan", 'P', false, "计算结果出现 NaN",
                               "the scores came out as NaN", "bf16 的模型请以 bfloat16 提交",
                               "Submit models made in bf16 as bfloat16"},
    [FAILURE_DATASET_MISSING] = {"dataset_missing", 'M', true, "评测数据集无法读取",
                                 "a dataset of the benchmarks cannot be read",
                                 "这是我们的问题，我们会重新评测",
                                 "This is our fault; we shall run it again"},
    [FAILURE_TASK_MISSING] = {"task_missing", 'P', true, "评测任务不存在",
                              "a task of the benchmarks is missing",
                              "这是我们的问题，我们会重新评测",
                              "This is our fault; we shall run it again"},
    [FAILURE_HARNESS_CRASH] =
        {"harness_crash", 'B', false, "评测程序异常退出", "the evaluation harness crashed",
         "请先在本地用“关于”页中的命令试运行（--limit 可缩短时间）",
         "Try the command of the About page yourself first (--limit makes it short)"},
    [FAILURE_TIMEOUT] = {"timeout", 'B', false, "评测超过时限", "the evaluation took too long",
                         "", ""},
    [FAILURE_WORKER_LOST] = {"worker_lost", 'I', true, "评测主机失联",
                             "the host that ran it was lost", "这是我们的问题，不计入配额",
                             "This is our fault; it does not count"},
    [FAILURE_PREEMPTED] = {"preempted", 'I', true, "评测被更高优先级的任务中断",
                           "the evaluation was preempted", "这是我们的问题，不计入配额",
                           "This is our fault; it does not count"},
    [FAILURE_DISK_FULL] = {"disk_full", 'I', true, "评测主机磁盘已满",
                           "the disk of the host is full", "这是我们的问题，不计入配额",
                           "This is our fault; it does not count"},
    [FAILURE_INCOMPLETE_RESULTS] = {"incomplete_results", 'B', true, "结果缺少部分评测",
                                    "the result lacks some benchmarks",
                                    "这是我们的问题，不计入配额",
                                    "This is our fault; it does not count"},
    [FAILURE_BAD_RESULT] = {"bad_result_json", 'B', true, "结果文件无法读取",
                            "the result cannot be read", "这是我们的问题，不计入配额",
                            "This is our fault; it does not count"},
    [FAILURE_UPLOAD] = {"upload_failed", 'I', true, "结果未能传回",
                        "the result could not be fetched", "这是我们的问题，不计入配额",
                        "This is our fault; it does not count"},
    [FAILURE_CANCELLED] = {"cancelled", 'P', false, "已取消", "it was cancelled", "", ""},
    [FAILURE_MAX] = {"", ' ', false, "", "", "", ""},
};

const struct queue_failure_class *
queue_failure_class(enum queue_failure failure)
{
    return &classes[(unsigned)failure < FAILURE_MAX ? failure : FAILURE_MAX];
}

enum queue_failure
queue_failure_from(const char *word)
{
    for (int i = 0; i < FAILURE_MAX; i++)
        if (strcmp(word ? word : "", classes[i].word) == 0)
            return (enum queue_failure)i;
    return FAILURE_MAX;
}
