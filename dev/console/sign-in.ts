import type { SignInSettings } from '../../core/platform/config/console.ts'

/** The console's page with what it has to know to sign its reader in: an element, since its policy runs no script that stands in it. */
export function withSignIn(html: string, settings: SignInSettings | undefined): string {
  if (settings === undefined) return html
  const content = JSON.stringify(settings).replace(/[&"<>]/g, (character) => `&#${character.charCodeAt(0)};`)
  return html.replace('</head>', () => `<meta name="sign-in" content="${content}">\n</head>`)
}
