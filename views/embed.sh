#!/bin/sh
# Writes files as C arrays: embed.sh FILE… The names in C are asset_0, asset_1, …
set -e
echo '/* Made by views/embed.sh. */'
echo '#include "views/asset_data.h"'
i=0
for file in "$@"; do
	echo "static const unsigned char bytes_$i[] = {"
	od -An -v -tu1 "$file" | sed -e 's/^ *//' -e 's/  */,/g' -e 's/$/,/'
	echo '0};'
	i=$((i + 1))
done
echo 'const struct asset_data asset_data[] = {'
i=0
for file in "$@"; do
	echo "{\"$(basename "$file")\", bytes_$i, sizeof(bytes_$i) - 1},"
	i=$((i + 1))
done
echo '};'
echo 'const size_t asset_data_count = sizeof(asset_data) / sizeof(asset_data[0]);'
