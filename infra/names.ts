/** Tells this deployment from others in the same account. */
export function deployName(): string {
  return `${$app.name}-${$app.stage}`
}
