# Shaders against the reference, on every Vulkan device that there is; none is a skip.
if HAVE_VULKAN
check_LTLIBRARIES += libvkrig.la
libvkrig_la_SOURCES = %D%/vk_leaks.h %D%/vk_rig.c %D%/vk_rig.h
VK_LIBS = libvkrig.la $(CHECK_LIBS)

check_PROGRAMS += %D%/vk_norms
%C%_vk_norms_LDADD = $(VK_LIBS) -lm

check_PROGRAMS += %D%/vk_attend %D%/vk_lte_score %D%/vk_short_conv %D%/vk_delta
%C%_vk_lte_score_LDADD = $(VK_LIBS) -lm
%C%_vk_attend_LDADD = $(VK_LIBS) -lm
%C%_vk_short_conv_LDADD = $(VK_LIBS) -lm
%C%_vk_delta_LDADD = $(VK_LIBS) -lm

check_PROGRAMS += %D%/vk_evict
%C%_vk_evict_LDADD = $(VK_LIBS) -lm

check_PROGRAMS += %D%/vk_linear %D%/vk_candidates %D%/vk_rows
%C%_vk_candidates_LDADD = $(VK_LIBS) $(MODEL_LIBS) -lm
%C%_vk_linear_LDADD = $(VK_LIBS) -lm
%C%_vk_rows_LDADD = $(VK_LIBS) -lm

# Of the other layer kinds.
check_PROGRAMS += %D%/vk_diag %D%/vk_nsa %D%/vk_dsa
%C%_vk_nsa_LDADD = $(VK_LIBS) -lm
%C%_vk_dsa_LDADD = $(VK_LIBS) -lm
%C%_vk_diag_LDADD = $(VK_LIBS) -lm

# Whole models.
check_PROGRAMS += %D%/vk_model %D%/vk_families
%C%_vk_model_LDADD = $(VK_LIBS) $(MODEL_LIBS) -lm
%C%_vk_families_LDADD = $(VK_LIBS) $(MODEL_LIBS) -lm
endif

# Caches are written to the build folder.
AM_TESTS_ENVIRONMENT += XDG_CACHE_HOME='$(abs_top_builddir)/tests/cache'; export XDG_CACHE_HOME;
clean-local:
	rm -rf tests/cache

# The shaders themselves.
dist_check_SCRIPTS += %D%/cli_devices.sh %D%/spirv.sh
AM_TESTS_ENVIRONMENT += GLSLANG='$(GLSLANG)'; SPIRV_VAL='$(SPIRV_VAL)'; export GLSLANG SPIRV_VAL;
