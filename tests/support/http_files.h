#pragma once

// A web server on loopback that hands out the files of a folder to whoever knows the password: as
// much as git needs to clone a bare repository on which `git update-server-info` was run.

#include <atomic>
#include <filesystem>
#include <string>
#include <thread>

namespace forkdex::test {

class HttpFiles {
 public:
  /// `authorization` is the header's value that requests must have; others get 401.
  HttpFiles(std::filesystem::path folder, std::string authorization);
  ~HttpFiles();
  HttpFiles(const HttpFiles&) = delete;
  HttpFiles& operator=(const HttpFiles&) = delete;

  int port() const { return port_; }
  int served() const { return served_; }    ///< requests answered with a file, or 404
  int refused() const { return refused_; }  ///< requests answered with 401
  /// Requests wait for an answer until this is called.
  void go_on() { held_ = false; }
  void hold() { held_ = true; }
  int waiting() const { return waiting_; }  ///< requests that do

 private:
  void serve();
  void answer(int connection);

  std::filesystem::path folder_;
  std::string authorization_;
  int listener_ = -1;
  int port_ = 0;
  std::atomic<bool> ends_ = false;
  std::atomic<bool> held_ = false;
  std::atomic<int> served_ = 0;
  std::atomic<int> refused_ = 0;
  std::atomic<int> waiting_ = 0;
  std::thread thread_;
};

}  // namespace forkdex::test
