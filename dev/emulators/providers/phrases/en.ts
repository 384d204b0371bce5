import { places } from '../places.ts'

/** The moods that the emulated Gemini can measure, as it names them in English: brightness, contrast, colour. */
export const moods = [
  'light and open',
  'dark and heavy',
  'balanced',
  'strong in contrast',
  'moderate in contrast',
  'faint in contrast',
  'restrained',
  'colourful',
] as const

/** The phrases of the emulated texts; `{name}` stands for a measured value, or one from the prompt. */
export const en = {
  notice: 'Emulated text.',
  post: 'Emulated post for {network}.',
  network: 'a social network',
  quotes: '“…”',
  moods,
  places,
  shapes: { landscape: 'landscape', portrait: 'portrait', square: 'square' },
  labels: {
    name: 'name',
    price: 'price',
    material: 'material',
    colour: 'colour',
    color: 'colour',
    size: 'size',
    bottle: 'bottle',
    weight: 'weight',
    origin: 'origin',
  },

  // What is to be seen.
  seen: 'A {shape} image, mostly {main}, with {others}.',
  seenAlone: 'A {shape} image, all in {main}.',
  stands: 'The subject stands {place}.',
  unplaced: 'No single subject stands out.',
  reads: 'The lettering reads {quotes}.',
  unlettered: 'There is no lettering in the image.',
  unread: 'The lettering of the image was not read.',
  feel: 'The mood is {feel}.',
  colours: 'The colours are {colours}.',

  // What is told to customers.
  hooks: ['Meet {topic}.', 'Here it is: {topic}.', 'A closer look at {topic}.'],
  hooksAlone: ['All eyes on {main}.', 'Here is something in {main}.', '{Main} sets the tone.'],
  occasion: 'The occasion: {purpose}',
  details: 'Good to know – {details}.',
  own: 'In its own words: {claims}.',
  brand: '{brand}: {words}.',
  dress: 'Pictured in {main}, with {others}.',
  dressAlone: 'Pictured in {main}.',
  suits: 'It is for everyone who likes things {mood}.',
  taglines: ['{Main}, and made to be seen', 'In {main}, for those who look twice', 'The look is {mood}'],
  name: 'The one in {main}',
  actions: {
    informal: ['Take a closer look.', 'Find yours today.', 'Come and see for yourself.'],
    formal: ['Please take a closer look.', 'We invite you to see for yourself.', 'Discover more with us.'],
  },
  questions: {
    informal: 'Which of the colours would you choose?',
    formal: 'Which of the colours would you prefer?',
  },

  // Instead of the image.
  altSubject: '{topic} {place}, on {main} with {others}',
  altSubjectAlone: '{topic} {place}, on {main}',
  altLettering: '{quotes} on {main} with {others}',
  altLetteringAlone: '{quotes} on {main}',
  altColours: '{Main} with {others}, its subject {place}',
  altAreas: 'Areas of {main} with {others}',
  altAlone: 'A plain area of {main}',

  // What a designer says.
  title: '{topic}: {offer}',
  headline: '{topic} in {main}',
  composition: 'Composition',
  colour: 'Colour',
  lettering: 'Lettering',
  effect: 'Mood and audience',
  audience: 'It speaks to people who like {main}.',
  lead: '{Main} ({hex}) gives the image one clear lead.',
  strong: 'The contrast is strong enough for small sizes.',
  legible: 'The lettering can be read: {quotes}.',
  airy: 'The subject has much room around it.',
  coherent: 'The mood is of one piece: {feel}.',
  faint: 'The contrast is faint, so that small parts get lost.',
  mute: 'No lettering says what the image is for: {purpose}',
  crowded: 'The subject leaves little room for a text.',
  small: 'The offer has to be told beside the image: {purpose}',
  advice: [
    'Say the offer in one line: {purpose}',
    'Keep {main} for what matters most.',
    'Leave room for a text beside the subject.',
  ],
  observed: 'From one image: {seen}',
  dos: ['Let {main} ({hex}) lead.', 'Keep the mood: {feel}.'],
  keepLettering: 'Write the words as they stand in the image: {quotes}.',
  donts: ['Do not add colours to these: {names}.', 'Do not break the mood: {feel}.'],
  voice: 'Plain and calm, to go with a mood that is {feel}.',
  ownVoice: 'As the brand says of itself: {voice}',
}

/** What `en` has, in any language. */
export type Phrases = Translated<typeof en>
type Translated<Of> = Of extends string
  ? string
  : Of extends readonly string[]
    ? { readonly [Index in keyof Of]: string }
    : { readonly [Name in keyof Of]: Translated<Of[Name]> }
