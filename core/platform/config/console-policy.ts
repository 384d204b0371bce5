/** The path that the console is served under, by `npm start` and by a deployment. */
export const consolePath = '/console/'

/**
 * The Content-Security-Policy of the console's pages.
 *
 * @param origins beside its own, those that its pages load images from, upload to, or stream from
 */
export function consolePolicy(origins: readonly string[]): string {
  const others = origins.map((origin) => ` ${origin}`).join('')
  return [
    "default-src 'self'",
    // blob: what was dropped, before it is anywhere.
    `img-src 'self' blob: data:${others}`,
    `connect-src 'self'${others}`,
    "object-src 'none'",
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
  ].join('; ')
}
