/**
 * Whether an `If-None-Match` or `If-Match` matches an entity tag, by weak comparison (RFC 9110, section 13.1). `If-Match`
 * calls for the strong one, but a compressing proxy makes every tag weak, and ours identify a version in either form.
 */
export function matchesETag(header: string | undefined, etag: string): boolean {
  if (header === undefined) return false
  const opaque = (tag: string) => tag.replace(/^W\//, '')
  return header.trim() === '*' || (header.match(/(?:W\/)?"[^"]*"/g) ?? []).some((tag) => opaque(tag) === opaque(etag))
}
