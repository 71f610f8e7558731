# `./dev lint`: what keeps the house clean. Sourced by ./dev.

# Each prints what is wrong and fails if anything is.
lint_arrows() { "$top/contrib/lint/arrows" "$top"; }

lint_format() {
	git -C "$top" ls-files '*.c' '*.h' | (cd "$top" && xargs -P "$jobs" -n 20 clang-format --dry-run -Werror)
}

lint_length() {
	local file n most status=0
	while read -r file; do
		n=$(wc -l <"$top/$file")
		case $file in tests/*) most=800 ;; *) most=650 ;; esac
		[ "$n" -le $most ] || { say "  $file: $n lines: is it still one noun?"; status=1; }
	done < <(git -C "$top" ls-files '*.c' '*.h' '*.sh' '*.mjs' dev)
	return $status
}

# Words of unfinished work; paths of this machine and hosts of its package registries.
lint_words() {
	local found hosts
	found=$(git -C "$top" grep -nE '\b(TODO|FIXME|XXX)\b' -- '*.c' '*.h' '*.sh' dev ':!contrib/dev/lint.sh' || true)
	hosts=$( {
		printf '%s/\n' "$top"
		{ npm config get registry 2>/dev/null; grep -rhoE 'https?://[^ ]+' /etc/apt/sources.list /etc/apt/sources.list.d 2>/dev/null; } |
			sed -nE 's#^https?://([^/]+).*#\1#p'
	} | sort -u | grep -v '^/*$' || true)
	found+=$(git -C "$top" grep -nIF -e "$hosts" || true)
	found+=$(git -C "$top" ls-files '*.c' '*.h' | (cd "$top" && xargs grep -L 'SPDX-License-Identifier') || true)
	[ -z "$found" ] || { say "$found"; return 1; }
}

lint_shell() {
	command -v shellcheck >/dev/null || { say "  shellcheck is not installed: left out"; return 0; }
	(cd "$top" && shellcheck -S warning -s bash -e SC2154,SC2034,SC1091 dev bootstrap .ci/run contrib/dev/*.sh contrib/nginx/render contrib/lint/arrows tests/e2e/*)
}

lint_cppcheck() {
	(cd "$top" && cppcheck --quiet --error-exitcode=1 --enable=warning,portability --inline-suppr -j "$jobs" \
		--suppressions-list=contrib/lint/cppcheck-suppressions --std=c11 -I . -I build/release \
		--include=contrib/lint/cppcheck.h \
		-D__linux__ base crypto harness store queue board views gradio fcgi wire agent dispatch ca cli) >&2
}

# clang-tidy by the compile commands of the release build.
lint_tidy() {
	local found
	found=$( (cd "$top" && git ls-files '*.c' ':!tests' ':!fuzz' ':!bench' |
		xargs -P "$jobs" -n 6 sh -c 'clang-tidy --quiet "$@" -- -std=gnu17 -I. -Ibuild/release -DHAVE_CONFIG_H \
			-DJB_PKGDATADIR=\"\" -DJB_SYSCONFDIR=\"\" 2>/dev/null' sh) |
		grep -E 'warning:|error:' | sort -u | head -n 40 || true)
	[ -z "$found" ] || { say "$found"; return 1; }
}

lint_steps() {
	step "lint: arrows between folders" lint_arrows
	step "lint: formatting" lint_format
	step "lint: file length" lint_length
	step "lint: words and paths" lint_words
	step "lint: shell" lint_shell
	step "lint: cppcheck" lint_cppcheck
	step "lint: clang-tidy" lint_tidy
}

lint() {
	need build lint
	# shellcheck source=contrib/dev/check.sh
	. "$top/contrib/dev/check.sh"
	count_begin
	build_release
	lint_steps
	count_end
}
