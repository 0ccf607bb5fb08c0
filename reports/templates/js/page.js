// The page works without this: what is here only makes it quicker to use. Nothing is fetched and nothing is evaluated.
document.documentElement.classList.add("scripted");
