import type { Issuer } from './issuer.ts'

/** Where people sign in, as this deployment's page says it; undefined: with an API key or a token alone. */
export const issuer: Issuer | undefined = stated()

function stated(): Issuer | undefined {
  const content = document.querySelector<HTMLMetaElement>('meta[name="sign-in"]')?.content
  return content ? (JSON.parse(content) as Issuer) : undefined
}
