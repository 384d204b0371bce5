import * as z from 'zod'
import { clipText } from '../clip-text.ts'
import { hashtag, hints } from '../fields.ts'
import { type Platform, postLength } from '../platforms.ts'
import { type Finished, format, type Setting } from './format.ts'

const schema = z
  .object({
    caption: z
      .string()
      .trim()
      .min(1)
      .max(2200)
      .register(hints, { aim: 300 })
      .describe('The text of the post, without the hashtags'),
    hashtags: z
      .array(hashtag)
      .min(1)
      .max(5)
      .describe('Each with its leading #, no spaces; what people of this language search for'),
    callToAction: z
      .string()
      .trim()
      .min(1)
      .max(200)
      .register(hints, { aim: 60, mend: 'line' })
      .describe('One thing to do, which the purpose offers'),
  })
  .meta({ id: 'SocialPost' })
type SocialPost = z.infer<typeof schema>

export const socialPost = format({
  version: 3,
  prompt: ({ name, limit, aim, hashtags: [least, most], habit }) =>
    [
      `Write a post for ${name} that goes with the image: a caption that can stand alone, fitting hashtags, and one call to action.`,
      habit,
      `The caption has about ${aim} characters; caption, call to action and hashtags together have at most ${limit}.`,
      least === most ? `Give ${most} hashtag.` : `Give ${least} to ${most} hashtags.`,
      'Promise nothing that the purpose does not offer.',
    ].join(' '),
  schema,
  example: {
    caption:
      'Your garden has waited long enough. Everything at Fernhill Nursery is 20 % off until 31 May: tulips, herbs, and whatever your balcony still lacks.',
    hashtags: ['#SpringSale', '#FernhillNursery', '#Gardening'],
    callToAction: 'Come by before 31 May.',
  },
  maxOutputTokens: 2048,
  carriesFacts: true,
  targets: ({ aim, hashtags }) => ({ lengths: { '/caption': aim }, counts: { '/hashtags': hashtags } }),
  finish,
})

/** The whole post, ready to be pasted. */
export const wholePost = ({ caption, callToAction, hashtags }: SocialPost) =>
  [caption, callToAction, hashtags.join(' ')].filter(Boolean).join('\n\n')

/**
 * Limits the hashtags to what the network allows, removes duplicates at the caption's end, and fits the post into the
 * network's limit.
 */
function finish(post: SocialPost, { language, platform }: Setting): Finished<SocialPost> {
  const [, most] = platform.hashtags
  const caption = withoutOwnTags(post.caption)
  return { content: withinLimit({ ...post, caption, hashtags: post.hashtags.slice(0, most) }, platform, language) }
}

/**
 * Removes hashtags after the last sentence of a caption or on lines of their own. Those inside a sentence stay, as do `#1`,
 * colours and fragments of links.
 */
export function withoutOwnTags(caption: string): string {
  const pieces = caption.trimEnd().split(/(\s+)/)
  let end = pieces.length
  while (end > 2 && isTag(pieces[end - 1] ?? '')) end -= 2
  const kept = pieces.slice(0, end).join('')
  const standsApart = /[.!?…。！？)"”»]$/u.test(kept) || /\n/.test(pieces[end] ?? '')
  return standsApart ? kept : caption.trimEnd()
}

function isTag(word: string): boolean {
  return (
    /^#[\p{L}\p{M}\p{N}\p{Cf}_]*\p{L}[\p{L}\p{M}\p{N}\p{Cf}_]*$/u.test(word) && !/^#(?:[0-9a-f]{3}){1,2}$/i.test(word)
  )
}

function withinLimit(post: SocialPost, platform: Platform, language: string): SocialPost {
  const over = (candidate: SocialPost) => postLength(wholePost(candidate), platform) - platform.limit
  let fitted = post
  // Hashtags beyond the first are decoration; words are not.
  while (over(fitted) > 0 && fitted.hashtags.length > 1) {
    fitted = { ...fitted, hashtags: fitted.hashtags.slice(0, -1) }
  }
  let max = fitted.caption.length
  for (let excess = over(fitted); excess > 0 && max > 1; excess = over(fitted)) {
    // A character may count as two, so this may take several rounds; each removes at least one.
    max = Math.max(1, Math.min(max - 1, fitted.caption.length - Math.ceil(excess / 2)))
    fitted = { ...fitted, caption: clipText(post.caption, max, language) }
  }
  return fitted
}
