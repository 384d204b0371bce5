/** The limits of a network, and the recommended lengths, in UTF-16 units and hashtags. */
export interface Platform {
  readonly name: string
  /** The longest post: caption, call to action and hashtags. */
  readonly limit: number
  /** The target length of the caption. */
  readonly aim: number
  readonly hashtags: readonly [least: number, most: number]
  /** Its conventions, as instructions for the writer. */
  readonly habit: string
  /** Its way of counting, if not in UTF-16 units. */
  readonly lengthOf?: (text: string) => number
}

/**
 * The networks of posts. Limits are the platforms' own of 2026; where a platform shows only the beginning of a post, the
 * instructions put the main point first.
 */
export const platforms = {
  instagram: {
    name: 'Instagram',
    limit: 2200,
    aim: 400,
    hashtags: [3, 5],
    habit:
      'Only the first 125 characters show before “more”: the point comes first. Short paragraphs. Links in captions cannot be clicked.',
  },
  facebook: {
    name: 'Facebook',
    limit: 5000,
    aim: 250,
    hashtags: [3, 5],
    habit: 'A conversational tone and one idea; a question invites comments.',
  },
  linkedin: {
    name: 'LinkedIn',
    limit: 3000,
    aim: 700,
    hashtags: [3, 5],
    habit:
      'Only the first 200 characters show before “see more”: they say why it matters. Professional, in short paragraphs, without hype.',
  },
  x: {
    name: 'X',
    limit: 280,
    aim: 170,
    // X recommends two at most: https://business.x.com/en/help/campaign-setup/create-engaging-tweets
    hashtags: [1, 2],
    habit: 'One thought in one or two sentences.',
    lengthOf: lengthOnX,
  },
  pinterest: {
    name: 'Pinterest',
    limit: 500,
    aim: 220,
    hashtags: [3, 5],
    habit: 'The words that people search for come first; say what can be made, worn or done.',
  },
  tiktok: {
    name: 'TikTok',
    limit: 2200,
    aim: 150,
    hashtags: [3, 5],
    habit: 'A hook of a few words first; spoken language.',
  },
  threads: {
    name: 'Threads',
    limit: 500,
    aim: 250,
    // It links one a post.
    hashtags: [1, 1],
    habit: 'Like the opening of a conversation; one thought.',
  },
  bluesky: {
    name: 'Bluesky',
    limit: 300,
    aim: 180,
    hashtags: [1, 3],
    habit: 'One thought in plain words, without advertising talk.',
    lengthOf: graphemes,
  },
} as const satisfies Record<string, Platform>

export type PlatformName = keyof typeof platforms
export const platformNames = Object.keys(platforms) as [PlatformName, ...PlatformName[]]

/** A post without a named platform. */
const anywhere: Platform = {
  name: 'a social network',
  limit: 2200,
  aim: 300,
  hashtags: [3, 5],
  habit: 'It is not said which: the point comes in the first sentence, and nothing belongs to one network alone.',
}

/** @param name a platform of a job; anything else means no particular network */
export function platformOf(name: string | null | undefined): Platform {
  return name && Object.hasOwn(platforms, name) ? platforms[name as PlatformName] : anywhere
}

/** The length of a post as its network counts it. */
export function postLength(text: string, { lengthOf }: Platform): number {
  return lengthOf ? lengthOf(text) : text.length
}

/**
 * X counts a link as 23, and most characters beyond Latin, Greek, Cyrillic, Hebrew and Arabic, and every emoji, as two:
 * https://docs.x.com/fundamentals/counting-characters
 */
function lengthOnX(text: string): number {
  const links = text.match(/https?:\/\/\S+/g) ?? []
  const rest = text.normalize('NFC').replaceAll(/https?:\/\/\S+/g, '')
  let length = links.length * 23
  for (const { segment } of new Intl.Segmenter('en', { granularity: 'grapheme' }).segment(rest)) {
    if (/\p{Extended_Pictographic}|\p{Regional_Indicator}/u.test(segment) && segment.length > 1) length += 2
    else for (const character of segment) length += lightOnX(character.codePointAt(0) ?? 0) ? 1 : 2
  }
  return length
}

function lightOnX(code: number): boolean {
  return (
    code <= 4351 || (code >= 8192 && code <= 8205) || (code >= 8208 && code <= 8223) || (code >= 8242 && code <= 8247)
  )
}

function graphemes(text: string): number {
  return [...new Intl.Segmenter('en', { granularity: 'grapheme' }).segment(text)].length
}
