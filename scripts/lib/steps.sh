# Sourced by scripts/check and scripts/test: runs named steps, goes on after a failure, and sums up.

passed=0
failed=()
began=$SECONDS

# step NAME COMMAND…  runs the command in a shell of its own and times it.
step() {
  local name=$1 start=$SECONDS
  shift
  printf '\n▶ %s\n' "$name"
  if ("$@"); then
    passed=$((passed + 1))
    printf '✔ %s (%s)\n' "$name" "$(lasted $((SECONDS - start)))"
  else
    failed+=("$name")
    printf '✘ %s (%s)\n' "$name" "$(lasted $((SECONDS - start)))"
    return 1
  fi
}

lasted() { printf '%dm%02ds' $(($1 / 60)) $(($1 % 60)); }

# summary ends the script: 0 when every step passed.
summary() {
  printf '\n%d passed, %d failed (%s)\n' "$passed" "${#failed[@]}" "$(lasted $((SECONDS - began)))"
  if ((${#failed[@]})); then
    printf '  ✘ %s\n' "${failed[@]}"
    exit 1
  fi
  exit 0
}
