// SPDX-License-Identifier: BSD-2-Clause
// The Vulkan loader, opened at run time, and an instance.
#include "config.h"

#include <dlfcn.h>

#include "lib/vk/device.h"

// Names of the loader, the one with its interface's version first.
static const char *const loaders[] = {"libvulkan.so.1", "libvulkan.so", "libvulkan.1.dylib",
                                      "libMoltenVK.dylib"};

static void *open_loader(void)
{
    void *loader = NULL;
    for (size_t i = 0; !loader && i < sizeof loaders / sizeof *loaders; i++)
        loader = dlopen(loaders[i], RTLD_NOW | RTLD_LOCAL);
    return loader;
}

// ISO C has no cast from an object's pointer to a function's; POSIX promises that both are alike.
static PFN_vkGetInstanceProcAddr entry(void *loader)
{
    PFN_vkGetInstanceProcAddr call = NULL;
    *(void **)(void *)&call = dlsym(loader, "vkGetInstanceProcAddr");
    return call;
}

#define LOAD(name) a->name = (PFN_vk##name)a->GetInstanceProcAddr(instance, "vk" #name);
#define MISSES(name) || !a->name

static bool load_global(struct lte_vk_api *a)
{
    const VkInstance instance = VK_NULL_HANDLE;
    LTE_VK_GLOBAL_CALLS(LOAD)
    return a->CreateInstance && a->EnumerateInstanceVersion; // the second is what 1.0 has not
}

static bool load_instance(struct lte_vk_api *a, VkInstance instance)
{
    LTE_VK_INSTANCE_CALLS(LOAD)
    return !(0 LTE_VK_INSTANCE_CALLS(MISSES));
}

static enum lte_status fail(struct lte_vk_instance *instance, const char *why)
{
    const struct lte_context *c = instance->context;
    lte_vk_instance_close(instance);
    return lte_fail(c, LTE_ERR_UNSUPPORTED, "vulkan: %s", why);
}

enum lte_status lte_vk_instance_open(const struct lte_context *context,
                                     struct lte_vk_instance *instance)
{
    *instance = (struct lte_vk_instance){.context = context, .loader = open_loader()};
    if (!instance->loader)
        return fail(instance, "there is no loader (libvulkan.so.1)");
    instance->api.GetInstanceProcAddr = entry(instance->loader);
    if (!instance->api.GetInstanceProcAddr || !load_global(&instance->api))
        return fail(instance, "the loader is older than Vulkan 1.1");
    const VkApplicationInfo application = {.sType = VK_STRUCTURE_TYPE_APPLICATION_INFO,
                                           .pEngineName = "liblte",
                                           .apiVersion = LTE_VK_INTERFACE};
    const VkInstanceCreateInfo info = {.sType = VK_STRUCTURE_TYPE_INSTANCE_CREATE_INFO,
                                       .pApplicationInfo = &application};
    if (instance->api.CreateInstance(&info, NULL, &instance->handle) != VK_SUCCESS) {
        instance->handle = VK_NULL_HANDLE;
        return fail(instance, "no driver that makes an instance");
    }
    if (!load_instance(&instance->api, instance->handle))
        return fail(instance, "the loader lacks calls of Vulkan 1.1");
    return LTE_OK;
}

void lte_vk_instance_close(struct lte_vk_instance *instance)
{
    if (instance->handle && instance->api.DestroyInstance)
        instance->api.DestroyInstance(instance->handle, NULL);
    if (instance->loader)
        dlclose(instance->loader);
    *instance = (struct lte_vk_instance){0};
}

enum lte_status lte_vk_instance_devices(const struct lte_vk_instance *instance,
                                        VkPhysicalDevice *device, uint32_t most, uint32_t *count)
{
    *count = most;
    const VkResult result =
        instance->api.EnumeratePhysicalDevices(instance->handle, count, device);
    if (result == VK_SUCCESS || result == VK_INCOMPLETE)
        return LTE_OK;
    *count = 0;
    return lte_fail(instance->context, LTE_ERR_DEVICE, "vulkan: the devices cannot be listed (%d)",
                    (int)result);
}
