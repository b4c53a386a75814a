// What the policy forbids: whether it came to pass all the same.
export async function forbidden() {
  const inline = document.documentElement.dataset.inline ?? null;
  let evaluated;
  try {
    evaluated = (0, eval)("1 + 1");
  } catch (error) {
    evaluated = error.name;
  }
  const elsewhere = await fetch(location.origin.replace("127.0.0.1", "localhost") + "/next").then(
    () => "answered",
    (error) => error.name,
  );
  return { inline, evaluated, elsewhere, secure: isSecureContext };
}
