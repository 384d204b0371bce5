/** The path that the console is served under, by `npm start` and by a deployment. */
export const consolePath = '/console/'

/**
 * The Content-Security-Policy of the console's pages.
 *
 * @param origins beside its own, those that its pages load images from, upload to, or stream from
 * @param called those that its pages call besides, and load nothing from: of the issuer of tokens
 */
export function consolePolicy(origins: readonly string[], called: readonly string[] = []): string {
  const list = (some: readonly string[]) => some.map((origin) => ` ${origin}`).join('')
  return [
    "default-src 'self'",
    // blob: what was dropped, before it is anywhere.
    `img-src 'self' blob: data:${list(origins)}`,
    `connect-src 'self'${list([...origins, ...called])}`,
    "object-src 'none'",
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
  ].join('; ')
}
