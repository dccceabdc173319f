#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# The same seed is the same run whatever built the program: trace hashes of all
# scenarios, an exploration's counts and a campaign's summary must be equal for
# gcc and clang at -O0 and -O3. (State counts of an exploration may differ: stack
# bytes are part of a state. Its ends may not.)
#
# usage: tests/determinism/compare.sh [VARIANT...]   such as gcc-O0 clang-O3

dir=$(mktemp -d) || exit 2
trap 'rm -rf "$dir"' EXIT
[ $# -gt 0 ] || set -- gcc-O0 gcc-O3 clang-O0 clang-O3
first=

for variant; do
	cc=${variant%-O*} level=-O${variant##*-O}
	make -s CC=$cc O=$level build/obj/$variant/septum >/dev/null || exit 2
	septum=build/obj/$variant/septum
	{
		$septum run --format json scenarios | sed -n 's/.*"file":"\([^"]*\)".*"variant":\([^}]*}\).*"trace_hash":"\([0-9a-f]*\)".*/\1 \2 \3/p'
		$septum campaign --seed 5 --runs 300 2>/dev/null | grep -E '^(finding|campaign)'
		$septum explore scenarios/known-bugs/memory-failure-deadlock.scn | grep ^Observation
	} >"$dir/$variant"
	printf '%-10s %s  %s lines\n' $variant "$(cksum <"$dir/$variant")" "$(wc -l <"$dir/$variant")"
	if [ -z "$first" ]; then
		first=$variant
	elif ! cmp -s "$dir/$first" "$dir/$variant"; then
		echo "$variant differs from $first:"
		diff "$dir/$first" "$dir/$variant" | head -20
		exit 1
	fi
done
