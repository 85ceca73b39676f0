// Short codes, for voice: five digits that name the room, and two words that only the two sides know.

/** A word is a byte. Short, unlike each other, harmless. */
const WORDS = (
  "acid acorn actor agent alarm album alley amber angle ankle apple apron arena arrow atlas attic axis bacon badge bagel banjo barn basil beach beard " +
  "berry bike birch bison blade blank bloom board boat bolt bonus book boot bottle bowl bread brick bridge broom brush bucket buffet bundle butter " +
  "cabin cable cactus camel canal candle canoe canvas carbon cargo carpet castle cedar cello chalk cheese cherry chess chin choir cider cigar circus " +
  "clam clay cliff clock cloud clover coast cobra cocoa coffee comet coral couch crane crow crown cube curry dairy dance denim desert diary disco " +
  "dolphin domino donkey dragon drum eagle earth easel ebony echo elbow elephant engine falcon fence fern ferry fiddle finger flag flame flute fog forest " +
  "fossil fox frost fruit galaxy garlic gate ginger giraffe glacier globe glove goat gold grape gravel guitar hammer harbor harp hawk hazel helmet " +
  "hero hill honey hotel igloo index ink island ivory jacket jaguar jazz jelly jewel jungle kayak kettle kiosk kite kiwi koala ladder lagoon lamp " +
  "laser lemon lilac linen lion lizard llama lobster locket lotus lunar magnet mango maple marble mask meadow medal melon metal mirror mitten monkey " +
  "moon mosaic moss muffin museum napkin nectar needle nest nickel noodle nutmeg oasis ocean olive onion opera orbit orchid otter oyster paddle palace " +
  "panda paper parrot pasta peach pearl pebble pepper piano pilot pizza planet plum pocket pony poppy potato prism pumpkin puzzle quartz quilt rabbit " +
  "radio raven ribbon river rocket roof rope ruby saddle salad salt sand satin scarf shell silk silver sled spoon violin"
).split(" ");

export interface Code {
  readonly room: string;
  /** As it is said and typed: NNNNN-word-word. */
  readonly code: string;
}

/** random: 6 bytes. */
export function makeCode(random: Uint8Array): Code {
  const word = (i: number): string => WORDS[random[i] ?? 0] ?? "";
  const number = (((random[2] ?? 0) << 24) | ((random[3] ?? 0) << 16) | ((random[4] ?? 0) << 8) | (random[5] ?? 0)) >>> 0;
  const digits = String(number % 100_000).padStart(5, "0");
  return { room: `drop-${digits}`, code: `${digits}-${word(0)}-${word(1)}` };
}

/** As it was typed or said: spaces for dashes, capitals, and what surrounds it. Null if it is no code. */
export function readCode(text: string): Code | null {
  const m = /^(\d{5})[\s-]+([a-z]{2,12})[\s-]+([a-z]{2,12})$/.exec(text.trim().toLowerCase());
  return m === null ? null : { room: `drop-${m[1]}`, code: `${m[1]}-${m[2]}-${m[3]}` };
}

export const words: readonly string[] = WORDS;
