/** The names of all elements of well-formed XML, in order. @throws Error where it is not */
export function elementsOf(xml: string): string[] {
  const open: string[] = [];
  const names: string[] = [];
  const rest = xml.replace(
    /<(\/?)([a-z]+)((?: [a-zA-Z:-]+="[^"<]*")*)(\/?)>/g,
    (tag, ...groups) => {
      const [closing, name, , empty] = groups.map(String);
      if (closing) {
        if (open.pop() !== name) throw new Error(`${tag} closes another element`);
      } else {
        names.push(name ?? "");
        if (!empty) open.push(name ?? "");
      }
      return "";
    },
  );
  if (open.length > 0) throw new Error(`not closed: ${open.join(", ")}`);
  if (/[<>]|&(?!(?:amp|lt|gt|quot|#39);)/.test(rest)) throw new Error("markup in text");
  return names;
}
