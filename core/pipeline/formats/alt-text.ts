import * as z from 'zod'
import { hints, paragraph } from '../fields.ts'
import { type Finished, format, type Setting } from './format.ts'

const schema = z
  .object({
    imageRole: z
      .enum(['informative', 'text', 'functional', 'decorative'])
      .default('informative')
      .describe(
        'informative: it shows something; text: its words are the message; functional: it is a link or a button; decorative: the purpose says that it only adorns',
      ),
    altText: z
      .string()
      .trim()
      .max(125)
      .register(hints, { aim: 100, mend: 'line' })
      .describe('One line; empty for a decorative image, and for no other'),
    longDescription: paragraph.describe('All that matters of the image, for whoever wants to know more'),
  })
  .refine(({ imageRole, altText }) => imageRole === 'decorative' || altText !== '', {
    path: ['altText'],
    message: 'may be empty for a decorative image only',
  })
  .meta({ id: 'AltText' })
type AltText = z.infer<typeof schema>

export const altText = format({
  version: 3,
  prompt: () =>
    [
      'Write alternative text for people who cannot see the image, as WCAG 2.2 wants it (1.1.1) and W3C’s alt decision tree finds it. First decide what the image is for, by the purpose:',
      '- text: words are its message. The alternative text has these words.',
      '- functional: the purpose says that it is a link or a button. It says what happens or where it leads, not how it looks.',
      '- decorative: the purpose says that it only adorns. The alternative text is empty.',
      '- informative: everything else. It says briefly what one needs to know from the image in this place.',
      'It is a whole phrase that ends by itself, without an opener like “image of” or “photo of” in any language, without file names, and it does not repeat what the purpose says the reader already has.',
    ].join('\n'),
  schema,
  example: {
    imageRole: 'text',
    altText: 'Spring sale at Fernhill Nursery: 20 % off until 31 May, above a band of coral tulips',
    longDescription:
      'A navy poster. In its middle stands “20 % OFF” in large white letters, above it “Fernhill Nursery Spring Sale”. Coral tulips line the lower edge; below them, small, “until 31 May”.',
  },
  maxOutputTokens: 2048,
  finish,
})

/** Openers that can be removed without changing the rest, by language. */
const removable: readonly RegExp[] = [
  /^(?:an?\s+|the\s+|this\s+(?:is\s+an?\s+)?)?(?:\w+\s+)?(?:image|picture|photo|photograph|graphic|illustration|screenshot)\s+(?:of|showing|shows|depicting|depicts|with)\s+/iu,
  /^(?:une?\s+|l['’]|la\s+)?(?:image|photo|photographie|illustration)\s+(?:de\s+|d['’]|montrant\s+|représentant\s+)/iu,
  /^(?:una?\s+|la\s+)?(?:imagen|foto|fotografía|ilustración)\s+(?:de\s+|que\s+muestra\s+)/iu,
  /^(?:uma?\s+|a\s+)?(?:imagem|foto|fotografia|ilustração)\s+(?:de\s+|que\s+mostra\s+|mostrando\s+)/iu,
  /^(?:un['’]?a?\s*|l['’])?(?:immagine|foto|fotografia|illustrazione)\s+(?:di\s+|che\s+mostra\s+)/iu,
  /^(?:een\s+)?(?:afbeelding|foto|illustratie)\s+van\s+/iu,
  /^(?:en\s+|et\s+|ett\s+)?(?:bild|bilde|billede|foto)\s+(?:av|af|på)\s+/iu,
  /^(?:bu\s+)?gambar\s+/iu,
  /^(?:一张|一張|这是|這是)?(?:图片|圖片|照片|图像|圖像)(?:显示|顯示|展示|中)?(?:了|的是)?[:：，,]?/u,
  /^(?:ภาพ|รูปภาพ|รูป)(?:ของ|แสดง)?/u,
  /^(?:صورة|صوره)\s+(?:ل|من\s+|تظهر\s+)?/u,
]
/** Openers that the grammar of the rest depends on: only a rewrite can remove them. */
const binding =
  /^(?:(?:ein(?:e|es|em)?\s+|das\s+|die\s+)?(?:bild|foto|fotografie|abbildung|aufnahme|illustration|grafik)\s+(?:von|vom|mit|des|der|eine[srm]?|zeigt)|(?:изображение|фотография|фото|картинка|зображення)\s|(?:obraz|zdjęcie|ilustracja|obrázek|fotografie|kép|kuva)\s)/iu
/** Languages in which the opener comes last. */
const closing =
  /(?:の(?:画像|写真|イラスト)(?:です)?|的(?:图片|圖片|照片)|\s*(?:이미지|사진)(?:입니다)?|\s(?:की|का)\s(?:तस्वीर|चित्र|फ़ोटो))[。.]?$/u

function finish(content: AltText, { language }: Setting): Finished<AltText> {
  if (content.imageRole === 'decorative') return { content: { ...content, altText: '' } }
  const text = withoutOpener(content.altText, language)
  const issue = binding.test(text)
    ? 'altText begins by saying that it is an image: say what is in it instead'
    : undefined
  return { content: { ...content, altText: text }, issue }
}

/** Removes “image of”, and its equivalents in other languages, from the beginning of a text. */
export function withoutOpener(text: string, language: string): string {
  let rest = text
  for (const opener of removable) {
    const shorter = rest.replace(opener, '')
    if (shorter !== rest && shorter.trim() !== '') {
      const [first = ''] = shorter
      rest = first.toLocaleUpperCase(language) + shorter.slice(first.length)
      break
    }
  }
  const open = rest.replace(closing, '')
  return open.trim() === '' ? rest : open.trim()
}
