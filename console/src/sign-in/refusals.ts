import * as oauth from 'oauth4webapi'

/** Why nobody was signed in, in a sentence for the reader. */
export class SignInRefused extends Error {
  override readonly name = 'SignInRefused'
}

/** Longer texts of an issuer are cut. */
const longestSaid = 300

/** Sentences of errors by their codes (RFC 6749, sections 4.1.2.1 and 5.2; OpenID Connect Core 1.0, section 3.1.2.6). */
const sentences: Readonly<Record<string, string>> = {
  access_denied: 'did not let you in: the sign-in was cancelled there, or you may not use the console.',
  login_required: 'wants you to sign in there first.',
  interaction_required: 'wants to ask you something first.',
  consent_required: 'wants your consent first.',
  invalid_scope: 'does not know the scopes that the console asks for (CONSOLE_SCOPES).',
  invalid_client: 'does not know the console (CONSOLE_CLIENT_ID), or not as a public client.',
  unauthorized_client: 'does not let the console sign people in by a code (CONSOLE_CLIENT_ID).',
  unsupported_response_type: 'does not sign people in by a code.',
  invalid_request: 'could not read what the console asked for.',
  invalid_grant: 'takes this sign-in no more: it took too long, or was used before.',
  server_error: 'failed at it.',
  temporarily_unavailable: 'is too busy just now.',
}

/** @param host of the issuer */
export function refusalOf(error: unknown, host: string): SignInRefused {
  if (error instanceof SignInRefused) return error
  const refused = (what: string) => new SignInRefused(`${host} ${what}`, { cause: error })
  if (error instanceof oauth.AuthorizationResponseError || error instanceof oauth.ResponseBodyError) {
    const { error: code, error_description: said } = error
    const sentence = Object.hasOwn(sentences, code) ? sentences[code] : `refused it with “${cut(code)}”.`
    return refused(said ? `${sentence} It says: “${cut(said)}”` : String(sentence))
  }
  if (error instanceof TypeError) return refused('could not be reached from this page.')
  if (error instanceof oauth.OperationProcessingError || error instanceof oauth.WWWAuthenticateChallengeError) {
    return refused(`gave an answer that cannot be relied on: ${error.message}.`)
  }
  return refused('gave an answer that cannot be read.')
}

function cut(text: string): string {
  return text.length > longestSaid ? `${text.slice(0, longestSaid)}…` : text
}
