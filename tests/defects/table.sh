#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# The planted defects: each row of sim/base/defects.def is switched on and the
# command of the row must fail; without any defect the same command must succeed.
# Prints the table. Exit status: 0 when all are killed.
#
# usage: tests/defects/table.sh [SEPTUM]

septum=${1:-build/septum}
defs=sim/base/defects.def
dir=$(mktemp -d) || exit 2
trap 'rm -rf "$dir"' EXIT
killed=0 alive=0

# Does the command fail by itself? Asked once a command.
clean() {
	key=$(echo "$1" | tr ' /' '__')
	if [ ! -e "$dir/$key" ]; then
		$septum $1 >"$dir/out" 2>&1
		echo $? >"$dir/$key"
	fi
	[ "$(cat "$dir/$key")" -eq 0 ]
}

sed -n 's/^DEFECT(\([A-Z_]*\), *"\([^"]*\)", *"\([^"]*\)")$/\1|\2|\3/p' $defs >"$dir/rows"
printf '%-20s %-8s %-55s %s\n' defect verdict 'noticed by' 'what it breaks'
while IFS='|' read -r name breaks killer; do
	verb=${killer%% *} rest=${killer#* }
	if ! clean "$killer"; then
		verdict=UNCLEAN
	else
		$septum $verb --defect $name $rest >"$dir/out" 2>&1
		case $? in
		0) verdict=ALIVE ;;
		1 | 3) verdict=killed ;;
		*) verdict=BROKEN ;;
		esac
	fi
	if [ $verdict = killed ]; then killed=$((killed + 1)); else alive=$((alive + 1)); fi
	printf '%-20s %-8s %-55s %s\n' "$name" $verdict "septum $killer" "$breaks"
done <"$dir/rows"
echo "$killed killed, $alive not"
[ $alive -eq 0 ]
