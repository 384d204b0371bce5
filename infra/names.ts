/** Tells this deployment from others in the same account. */
export function deployName(): string {
  return `${$app.name}-${$app.stage}`
}

/** A provider's name as the names of resources have it. */
export function capitalised(name: string): string {
  return name.slice(0, 1).toUpperCase() + name.slice(1)
}
