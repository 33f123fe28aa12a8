#!/bin/sh
# Runs a program for which /var/task and /var/runtime/bootstrap exist, as on Lambda; see
# managed_folders.py. Usage: lambda_folders.sh SCRATCH BOOTSTRAP PROGRAM [ARGUMENT ...]
set -e
scratch=$1 bootstrap=$2
shift 2
mount -t tmpfs lading "$scratch"
for each in /var/*; do
    name=${each##*/}
    if [ -L "$each" ]; then
        cp -P "$each" "$scratch/$name"
    elif [ -d "$each" ] && [ "$name" != task ] && [ "$name" != runtime ]; then
        mkdir "$scratch/$name"
        mount --rbind "$each" "$scratch/$name"
    fi
done
mkdir "$scratch/task" "$scratch/runtime"
printf '%s\n' "$bootstrap" > "$scratch/runtime/bootstrap"
chmod 755 "$scratch/runtime/bootstrap"
mount --rbind "$scratch" /var
cd "$PWD"
exec "$@"
