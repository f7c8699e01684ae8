"""What people say by the names of files and folders: which file is the original, and which one a copy of it.

A name decides between files that nothing else tells apart, such as those with the same bytes. First count the folders:
one of originals, one of copies, exports, backups or thumbnails. Then the file's own name. Then the number of folders,
because a file that was copied away usually went deeper.
"""

import re
import unicodedata
from collections.abc import Sequence
from functools import lru_cache
from itertools import takewhile

_FOLDER, _LEAF, _DEEPEST = 1e6, 1e3, 99  # weights: no number of the next kind outweighs one of these
_DECIDES = 0.5

IN_ORIGINALS = "in a folder of originals"
IN_NO_COPIES = "in no folder of copies, exports or backups"
IN_FEWER_COPIES = "in fewer folders of copies, exports or backups"
PLAIN = "its name is not that of a copy"
PLAINER = "its name says less of a copy"
SHORTER = "in fewer folders, as no rule before it tells them apart"


def _plain(text: str) -> str:
    """A text without case and accents."""
    folded = text.casefold()
    if folded.isascii():
        return folded
    apart = unicodedata.normalize("NFKD", folded)
    return "".join(char for char in apart if not unicodedata.combining(char))


def _words(text: str) -> frozenset[str]:
    return frozenset(_plain(text).split())


_ORIGINALS = _words(
    "original originals originale originalen originaux originali originales originais originele origineel "
    "originaler originaal oryginal oryginaly оригинал оригиналы 原图 原圖 原本 オリジナル 원본 master "
    "masters negative negatives negativ negativi negatifs negativos"
)
_OF_COPIES = _words(
    "copy copies copied kopie kopien kopia kopi kopier kopior kopio kopiot kopya copie copia copias cópia "
    "cópias másolat копия копии копія αντίγραφο نسخة עותק 副本 拷贝 コピー 복사본 사본 duplicate duplicates "
    "dupe dupes duplikat duplikate doublon doublons duplicado duplicados duplicato duplicati дубликат "
    "дубликаты 重复 重複"
)
_OF_WORK = _words(
    "edit edits edited bearbeitet bearbeitung modifié modifiée modifiés retouche retouché retouched editado "
    "editada editados modificato modificati modificado modificados bewerkt redigert redigerad muokattu "
    "edytowane изменено 編集済み 编辑 export exports exported exportiert exporte exportation exporté "
    "exportado exportados esportato esportati eksport экспорт 导出 書き出し resize resized resizes "
    "verkleinert redimensionné redimensionada ridimensionato compressed komprimiert compressé comprimido "
    "compresso сжатые 压缩 optimized optimised cropped zugeschnitten watermarked wasserzeichen rotated "
    "converted konvertiert"
)
_OF_SMALL = _words(
    "thumb thumbs thumbnail thumbnails vorschau vorschaubild vorschaubilder miniatur miniaturen miniature "
    "miniatures miniatura miniaturas vignette vignettes aperçu aperçus anteprima anteprime preview previews "
    "миниатюра миниатюры 缩略图 縮圖 サムネイル 썸네일 lowres"
)
_OF_STORES = _words(
    "backup backups bak bkp sicherung sicherungen sicherungskopie datensicherung sauvegarde sauvegardes "
    "respaldo respaldos salvaguardia varmuuskopio säkerhetskopia sikkerhetskopi reservekopie резервная бэкап "
    "备份 備份 バックアップ 백업 cache caches tmp temp trash recycled recycler papierkorb corbeille papelera "
    "cestino lixeira корзина 回收站 ゴミ箱"
)
_DERIVED = _OF_COPIES | _OF_WORK | _OF_SMALL
_AT_END = tuple(_words("副本 拷贝 コピー 복사본 사본 копия"))  # written without a space before them
_NOT_LETTERS = re.compile(r"[\W_]+")
_NUMBERED = re.compile(r"(\([0-9]{1,3}\)|~[0-9]{1,2})$")
_LETTERS_ALONE = re.compile(r"^(.*?[^\W\d_])[0-9]{1,3}$")
_ONE_DIGIT = bytes.maketrans(b"123456789", b"0" * 9)  # many names differ in their digits alone, which say nothing
_ENDING = re.compile(r"\.[^./ ]{1,5}$")


def name_worths(paths: Sequence[bytes]) -> list[float]:
    """How much each path says that its file is the original rather than a copy: the higher, the more.

    The folders that all paths have in common say nothing.

    Args:
        paths: as they are listed, with `/` between folders; any bytes.
    """
    first, last = (min(paths), max(paths)) if paths else (b"", b"")
    shared = sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(first, last, strict=False)))
    common = first[:shared].rfind(b"/") + 1
    return [_worth(path[common:]) for path in paths]


def _worth(path: bytes) -> float:
    folder, _, leaf = path.rpartition(b"/")
    said = _leaf_says(leaf.translate(_ONE_DIGIT))
    return _FOLDER * _folders_say(folder) + _LEAF * said - min(path.count(b"/"), _DEEPEST)


def name_reason(worth: float, gain: float) -> str:
    """Why a file is kept by its name.

    Args:
        worth: as `name_worths` gives it.
        gain: how much more that is than the worth of the other file; more than 0.
    """
    folders = round(worth / _FOLDER)
    if gain > _DECIDES * _FOLDER:
        return IN_ORIGINALS if folders > 0 else IN_FEWER_COPIES if folders else IN_NO_COPIES
    if gain > _DECIDES * _LEAF:
        return PLAINER if worth - _FOLDER * folders < -_DECIDES * _LEAF else PLAIN
    return SHORTER


@lru_cache(maxsize=1 << 16)
def _folders_say(folder: bytes) -> int:
    """1 for a folder of originals; -1 for each folder of copies, exports, backups or thumbnails."""
    names = [_split(name) for name in folder.decode("utf-8", "replace").split("/")]
    derived = sum(bool((_DERIVED | _OF_STORES) & set(words)) for words in names)
    return int(any(_ORIGINALS & set(words) for words in names)) - derived


@lru_cache(maxsize=1 << 16)
def _leaf_says(leaf: bytes) -> int:
    """0 for a name that is not that of a copy, else -1; -2 where it says so twice, as `a - Kopie (2).jpg` does."""
    stem = _ENDING.sub("", leaf.decode("utf-8", "replace"))
    numbered = _NUMBERED.search(stem)
    words = _split(_NUMBERED.sub("", stem) if numbered else stem)
    while len(words) > 1 and words[-1].isdigit():
        words.pop()
    ends = [words[0], words[-1]] if words else []
    is_copy = any(word in _DERIVED or word in ("bak", "backup") for word in ends) or (
        bool(words) and words[-1].endswith(_AT_END)
    )
    return -int(bool(numbered)) - int(is_copy)


def _split(text: str) -> list[str]:
    """The words of a name, without case, accents and a number right after a word."""
    found = [word for word in _NOT_LETTERS.split(_plain(text)) if word]
    return [match[1] if word[-1].isdecimal() and (match := _LETTERS_ALONE.match(word)) else word for word in found]
