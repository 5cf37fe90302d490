#include "worker/parse/encodings.h"

#include <iconv.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <string>
#include <utility>

#include "common/base/utf8.h"

namespace forkdex {
namespace {

/// Those that Python has and glibc converts alike (all characters were compared), without EBCDIC:
/// what declares an encoding is written in ASCII.
constexpr std::array kEncodings = {
    Encoding{"ASCII",
             "646 ansix341968 ansix341986 ascii cp367 csascii ibm367 iso646irv1991 iso646us isoir6 "
             "us usascii"},
    Encoding{"BIG5", "big5 big5tw csbig5 xmactradchinese"},
    Encoding{"BIG5-HKSCS", "big5hkscs hkscs"},
    Encoding{"CP1125", "1125 cp1125 cp866u ibm1125 ruscii"},
    Encoding{"CP1250", "1250 cp1250 windows1250"},
    Encoding{"CP1251", "1251 cp1251 windows1251"},
    Encoding{"CP1252", "1252 cp1252 windows1252"},
    Encoding{"CP1253", "1253 cp1253 windows1253"},
    Encoding{"CP1254", "1254 cp1254 windows1254"},
    Encoding{"CP1255", "1255 cp1255 windows1255"},
    Encoding{"CP1256", "1256 cp1256 windows1256"},
    Encoding{"CP1257", "1257 cp1257 windows1257"},
    Encoding{"CP1258", "1258 cp1258 windows1258"},
    Encoding{"CP437", "437 cp437 cspc8codepage437 ibm437"},
    Encoding{"CP737", "cp737"},
    Encoding{"CP775", "775 cp775 cspc775baltic ibm775"},
    Encoding{"CP850", "850 cp850 cspc850multilingual ibm850"},
    Encoding{"CP852", "852 cp852 cspcp852 ibm852"},
    Encoding{"CP855", "855 cp855 csibm855 ibm855"},
    Encoding{"CP856", "cp856"},
    Encoding{"CP857", "857 cp857 csibm857 ibm857"},
    Encoding{"CP858", "858 cp858 csibm858 ibm858"},
    Encoding{"CP860", "860 cp860 csibm860 ibm860"},
    Encoding{"CP861", "861 cp861 cpis csibm861 ibm861"},
    Encoding{"CP862", "862 cp862 cspc862latinhebrew ibm862"},
    Encoding{"CP863", "863 cp863 csibm863 ibm863"},
    Encoding{"CP864", "864 cp864 csibm864 ibm864"},
    Encoding{"CP865", "865 cp865 csibm865 ibm865"},
    Encoding{"CP866", "866 cp866 csibm866 ibm866"},
    Encoding{"CP869", "869 cp869 cpgr csibm869 ibm869"},
    Encoding{"CP874", "cp874"},
    Encoding{"CP932", "932 cp932 ms932 mskanji"},
    Encoding{"CP950", "950 cp950 ms950"},
    Encoding{"EUC-CN",
             "chinese csiso58gb231280 euccn eucgb2312cn gb2312 gb23121980 gb231280 isoir58 "
             "xmacsimpchinese"},
    Encoding{"EUC-JISX0213", "eucjis2004 jisx0213 eucjisx0213"},
    Encoding{"EUC-JP", "eucjp ujis"},
    Encoding{"EUC-KR", "euckr korean ksc5601 ksc56011987 ksx1001 xmackorean"},
    Encoding{"GB18030", "gb18030 gb180302000"},
    Encoding{"GBK", "936 cp936 gbk ms936"},
    Encoding{"HP-ROMAN8", "cp1051 cshproman8 hproman8 ibm1051 r8 roman8"},
    Encoding{"ISO-2022-JP", "csiso2022jp iso2022jp", true},
    Encoding{"ISO-2022-KR", "csiso2022kr iso2022kr", true},
    Encoding{
        "ISO-8859-1",
        "8859 cp819 csisolatin1 ibm819 iso8859 iso88591 iso885911987 isoir100 l1 latin latin1"},
    Encoding{"ISO-8859-10", "csisolatin6 iso885910 iso8859101992 isoir157 l6 latin6"},
    Encoding{"ISO-8859-11", "iso885911 iso8859112001 thai"},
    Encoding{"ISO-8859-13", "iso885913 l7 latin7"},
    Encoding{"ISO-8859-14", "iso885914 iso8859141998 isoceltic isoir199 l8 latin8"},
    Encoding{"ISO-8859-15", "iso885915 l9 latin9"},
    Encoding{"ISO-8859-16", "iso885916 iso8859162001 isoir226 l10 latin10"},
    Encoding{"ISO-8859-2", "csisolatin2 iso88592 iso885921987 isoir101 l2 latin2"},
    Encoding{"ISO-8859-3", "csisolatin3 iso88593 iso885931988 isoir109 l3 latin3"},
    Encoding{"ISO-8859-4", "csisolatin4 iso88594 iso885941988 isoir110 l4 latin4"},
    Encoding{"ISO-8859-5", "csisolatincyrillic cyrillic iso88595 iso885951988 isoir144"},
    Encoding{"ISO-8859-6",
             "arabic asmo708 csisolatinarabic ecma114 iso88596 iso885961987 isoir127"},
    Encoding{"ISO-8859-7",
             "csisolatingreek ecma118 elot928 greek greek8 iso88597 iso885971987 isoir126"},
    Encoding{"ISO-8859-8", "csisolatinhebrew hebrew iso88598 iso885981988 isoir138"},
    Encoding{"ISO-8859-9", "csisolatin5 iso88599 iso885991989 isoir148 l5 latin5"},
    Encoding{"JOHAB", "cp1361 johab ms1361"},
    Encoding{"KOI8-R", "cskoi8r koi8 koi8r"},
    Encoding{"KOI8-T", "koi8t"},
    Encoding{"KOI8-U", "koi8u"},
    Encoding{"MAC-CENTRALEUROPE", "maccenteuro maccentraleurope maclatin2"},
    Encoding{"MAC-CYRILLIC", "maccyrillic"},
    Encoding{"MACINTOSH", "macintosh macroman"},
    Encoding{"PT154", "cp154 csptcp154 cyrillicasian pt154 ptcp154"},
    Encoding{"RK1048", "kz1048 rk1048 strk10482002"},
    Encoding{"SHIFT_JISX0213", "shiftjis2004 sjis2004 shiftjisx0213 sjisx0213"},
    Encoding{"SJIS", "csshiftjis shiftjis sjis xmacjapanese xsjis"},
    Encoding{"TIS-620", "isoir166 tis620 tis6200 tis62025290 tis62025291"},
    Encoding{"UHC", "949 cp949 ms949 uhc"},
    Encoding{"UTF-8", "cp65001 u8 utf utf8 utf8ucs2 utf8ucs4 utf8sig"},
};

/// What the WHATWG's Encoding Standard reads otherwise than the names say.
constexpr std::array kWebKeys = {
    std::pair{std::string_view("ISO-8859-1"), std::string_view("CP1252")},
    std::pair{std::string_view("ASCII"), std::string_view("CP1252")},
    std::pair{std::string_view("ISO-8859-9"), std::string_view("CP1254")},
    std::pair{std::string_view("ISO-8859-11"), std::string_view("CP874")},
    std::pair{std::string_view("TIS-620"), std::string_view("CP874")},
    std::pair{std::string_view("SJIS"), std::string_view("CP932")},
    std::pair{std::string_view("EUC-KR"), std::string_view("UHC")},
    std::pair{std::string_view("EUC-CN"), std::string_view("GBK")},
    std::pair{std::string_view("BIG5"), std::string_view("BIG5-HKSCS")},
};

std::string key_of(std::string_view label) {
  std::string key;
  for (char c : label) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
    if ((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9')) key += c;
  }
  return key;
}

/// Emacs puts the kind of line ends after the encoding.
std::string_view without_line_end(std::string_view label) {
  for (const std::string_view end : {"-unix", "-dos", "-mac"}) {
    if (label.ends_with(end)) return label.substr(0, label.size() - end.size());
  }
  return label;
}

bool has_word(std::string_view words, std::string_view word) {
  for (std::size_t at = words.find(word); at != words.npos; at = words.find(word, at + 1)) {
    const std::size_t end = at + word.size();
    if ((at == 0 || words[at - 1] == ' ') && (end == words.size() || words[end] == ' '))
      return true;
  }
  return false;
}

/// Open for the life of the process, so that no module is loaded twice.
class Converters {
 public:
  /// The converter of `encoding` to code points, at its start; nullptr where there is none.
  iconv_t at_start(const Encoding& encoding) {
    Slot& slot = slots_[static_cast<std::size_t>(&encoding - kEncodings.data())];
    if (!std::exchange(slot.tried, true))
      slot.converter = ::iconv_open("WCHAR_T", std::string(encoding.name).c_str());
    if (slot.converter == kNone) return nullptr;
    ::iconv(slot.converter, nullptr, nullptr, nullptr, nullptr);
    return slot.converter;
  }

 private:
  static inline const iconv_t kNone = reinterpret_cast<iconv_t>(-1);
  struct Slot {
    bool tried = false;
    iconv_t converter = kNone;
  };
  std::array<Slot, kEncodings.size()> slots_;
};

Converters& converters() {
  static Converters all;
  return all;
}

/// One conversion. Bytes are handed to iconv one by one, to learn how many each character takes.
class Conversion {
 public:
  Conversion(const Encoding& encoding, iconv_t converter, std::string_view bytes,
             const std::function<void(char32_t, std::size_t)>& take)
      : encoding_(encoding), converter_(converter), bytes_(bytes), take_(take) {}

  void run() {
    while (at_ < bytes_.size()) {
      const auto byte = static_cast<unsigned char>(bytes_[at_]);
      if (byte < 0x80 && !encoding_.is_stateful && pending_ == 0) {
        take_(byte, 1);
        ++at_;
      } else {
        step();
      }
    }
  }

 private:
  static constexpr std::size_t kMaxSequence = 8;
  static constexpr std::size_t kMaxCharacters = 4;  // of one sequence

  void step() {
    const std::size_t longest = std::min(kMaxSequence, bytes_.size() - at_);
    for (std::size_t length = 1; length <= longest; ++length) {
      // iconv takes its input as bytes that it might write to, and does not.
      char* in = const_cast<char*>(bytes_.data() + at_);
      std::size_t left = length;
      count_ = 0;
      const bool whole = call(&in, &left) && left == 0;
      const std::size_t used = length - left;
      if (!whole && used == 0) continue;
      at_ += used;
      // Not held back to be put together with the next one, as Python does not.
      if (!encoding_.is_stateful) call(nullptr, nullptr);
      emit(used);
      return;
    }
    ++at_;
    take_(kReplacementCharacter, 1);
  }

  bool call(char** in, std::size_t* left) {
    char* out = reinterpret_cast<char*>(characters_.data() + count_);
    std::size_t room = (characters_.size() - count_) * sizeof characters_[0];
    const bool converted =
        ::iconv(converter_, in, left, &out, &room) != static_cast<std::size_t>(-1);
    count_ = characters_.size() - room / sizeof characters_[0];
    return converted;
  }

  /// Hands over what came out for `used` more bytes: nothing where they are the first part of
  /// something, such as an escape sequence.
  void emit(std::size_t used) {
    pending_ += used;
    for (std::size_t i = 0; i < count_; ++i)
      take_(static_cast<char32_t>(characters_[i]), i == 0 ? std::exchange(pending_, 0) : 0);
  }

  const Encoding& encoding_;
  iconv_t converter_;
  std::string_view bytes_;
  const std::function<void(char32_t, std::size_t)>& take_;
  std::size_t at_ = 0;
  std::size_t pending_ = 0;  // bytes taken for which no character has come out
  std::array<wchar_t, kMaxCharacters> characters_{};
  std::size_t count_ = 0;
};

}  // namespace

const Encoding* encoding_named(std::string_view label) {
  const std::string key = key_of(without_line_end(label));
  const auto row = std::ranges::find_if(
      kEncodings, [&key](const Encoding& encoding) { return has_word(encoding.keys, key); });
  return key.empty() || row == kEncodings.end() ? nullptr : &*row;
}

const Encoding* web_encoding_named(std::string_view label) {
  const Encoding* encoding = encoding_named(label);
  if (!encoding) return nullptr;
  const auto row = std::ranges::find_if(
      kWebKeys, [encoding](const auto& pair) { return pair.first == encoding->name; });
  return row == kWebKeys.end() ? encoding : encoding_named(row->second);
}

void open_encodings() {
  for (const Encoding& encoding : kEncodings) converters().at_start(encoding);
}

bool convert(const Encoding& encoding, std::string_view bytes,
             const std::function<void(char32_t, std::size_t)>& take) {
  const iconv_t converter = converters().at_start(encoding);
  if (!converter) return false;
  Conversion(encoding, converter, bytes, take).run();
  return true;
}

}  // namespace forkdex
