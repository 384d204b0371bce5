/** Tells this deployment from others in the same account. */
export function deployName(): string {
  return `${$app.name}-${$app.stage}`
}

/** A provider's name as the names of resources have it. */
export function capitalised(name: string): string {
  return name.slice(0, 1).toUpperCase() + name.slice(1)
}

/** An error code as the names of resources have it: `StorageUnavailable` for `storage.unavailable`. */
export function nameOfCode(code: string): string {
  return code
    .split(/[._]/)
    .map((word) => capitalised(word))
    .join('')
}
